import assert from 'node:assert/strict';
import { check, refusal } from '../harness.mjs';

const soql = "SELECT Id, ValidationName, Active, EntityDefinition.QualifiedApiName FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Gauge__c'";

export default async function run(conn) {
  let rule;

  await check('tooling: validation rules by query', async () => {
    const { records } = await conn.tooling.query(soql);
    assert.deepEqual(records.map((r) => [r.ValidationName, r.Active, r.EntityDefinition.QualifiedApiName]), [['Count_Not_Negative', true, 'Gauge__c']]);
    assert.match(records[0].Id, /^03d/);
    rule = records[0].Id;
  });
  await check('tooling: metadata of one rule', async () => {
    const { records } = await conn.tooling.query(`SELECT Id, FullName, Metadata FROM ValidationRule WHERE Id = '${rule}'`);
    assert.equal(records[0].FullName, 'Gauge__c.Count_Not_Negative');
    const { active, errorConditionFormula, errorMessage } = records[0].Metadata;
    assert.deepEqual([active, errorConditionFormula, errorMessage], [true, 'Count__c < 0', 'A count cannot be negative.']);
  });
  await check('tooling: a rule that is off lets records in, and on again refuses them', async () => {
    const { FullName, Metadata } = await conn.tooling.sobject('ValidationRule').retrieve(rule);
    const set = (active) => conn.tooling.sobject('ValidationRule').update({ Id: rule, FullName, Metadata: { ...Metadata, active } });
    const negative = () => conn.sobject('Gauge__c').create({ Name: 'Below', Count__c: -1 });
    assert.equal((await set(false)).success, true);
    try {
      assert.equal((await negative()).success, true);
      assert.equal((await conn.tooling.query(soql)).records[0].Active, false);
    } finally {
      await set(true);
    }
    assert.equal((await refusal(negative)).errorCode, 'FIELD_CUSTOM_VALIDATION_EXCEPTION');
  });
  await check('tooling: metadata of many rows is refused', async () => {
    await refusal(() => conn.tooling.query('SELECT Id, Metadata FROM CustomField'));
  });
  await check('tooling: custom fields', async () => {
    const { records } = await conn.tooling.query("SELECT DeveloperName, TableEnumOrId FROM CustomField WHERE DeveloperName = 'Code'");
    assert.ok(records.length >= 1);
  });
  await check('tooling: describe', async () => {
    const { sobjects } = await conn.tooling.describeGlobal();
    assert.ok(sobjects.some((s) => s.name === 'ValidationRule'));
  });
}
