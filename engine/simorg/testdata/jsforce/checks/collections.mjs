import assert from 'node:assert/strict';
import { check, id18, refusal } from '../harness.mjs';

export default async function run(conn) {
  const gauges = conn.sobject('Gauge__c');
  const rows = Array.from({ length: 450 }, (_, i) => ({ Name: `Row ${i}`, Code__c: `COL-${i}`, Count__c: i }));
  let ids;

  await check('collections: insert 450 in calls of 200', async () => {
    const results = await gauges.create(rows, { allowRecursive: true });
    assert.equal(results.length, 450);
    assert.ok(results.every((r) => r.success && id18.test(r.id) && r.errors.length === 0));
    ids = results.map((r) => r.id);
    assert.equal(new Set(ids).size, 450);
  });
  await check('collections: more than 200 in one call', async () => {
    const err = await refusal(() => conn.requestPost('/composite/sobjects', { records: rows.slice(0, 201).map((r) => ({ attributes: { type: 'Gauge__c' }, ...r })) }));
    assert.ok(err.errorCode, err.message);
  });
  await check('collections: retrieve in the order asked for, null for what is not there', async () => {
    const asked = [ids[7], 'a00000000000000AAA', ids[3]];
    const got = await conn.retrieve('Gauge__c', asked, { fields: ['Id', 'Name', 'Count__c'] });
    assert.deepEqual(got.map((r) => r && [r.Id, r.Name, r.Count__c]), [[ids[7], 'Row 7', 7], null, [ids[3], 'Row 3', 3]]);
  });
  await check('collections: a row that fails leaves its neighbours', async () => {
    const results = await gauges.create([{ Name: 'Good one' }, { Name: 'Bad', Count__c: -5 }, { Name: 'Good two' }]);
    assert.deepEqual(results.map((r) => r.success), [true, false, true]);
    const [error] = results[1].errors;
    assert.equal(error.statusCode, 'FIELD_CUSTOM_VALIDATION_EXCEPTION');
    assert.deepEqual(error.fields, ['Count__c']);
    assert.equal(results[1].id, undefined);
  });
  await check('collections: all or none', async () => {
    const results = await gauges.create([{ Name: 'Undone', Code__c: 'AON-1' }, { Name: 'Bad', Kind__c: 'Snow' }], { allOrNone: true });
    assert.deepEqual(results.map((r) => r.success), [false, false]);
    assert.deepEqual(
      results.map((r) => r.errors[0].statusCode),
      ['ALL_OR_NONE_OPERATION_ROLLED_BACK', 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST'],
    );
    assert.equal((await conn.query("SELECT Id FROM Gauge__c WHERE Code__c = 'AON-1'")).totalSize, 0);
  });
  await check('collections: update many', async () => {
    const results = await gauges.update(ids.slice(0, 200).map((Id, i) => ({ Id, Count__c: 1000 + i })));
    assert.ok(results.every((r, i) => r.success && r.id === ids[i]));
    const { records } = await conn.query("SELECT Code__c, Count__c FROM Gauge__c WHERE Code__c LIKE 'COL-%' AND Count__c >= 1000 ORDER BY Count__c");
    assert.deepEqual(records.map((r) => [r.Code__c, r.Count__c]), ids.slice(0, 200).map((_, i) => [`COL-${i}`, 1000 + i]));
  });
  await check('collections: upsert many by external id', async () => {
    const results = await gauges.upsert([{ Code__c: 'COL-449', Count__c: 5 }, { Code__c: 'COL-new', Name: 'New', Count__c: 6 }], 'Code__c');
    assert.deepEqual(results.map((r) => [r.success, r.created]), [[true, false], [true, true]]);
    assert.equal(results[0].id, ids[449]);
  });
  await check('collections: delete many, one of them twice', async () => {
    const results = await gauges.destroy([ids[10], ids[11]]);
    assert.deepEqual(results.map((r) => [r.id, r.success]), [[ids[10], true], [ids[11], true]]);
    const again = await gauges.destroy([ids[10], ids[12]]);
    assert.deepEqual(again.map((r) => r.success), [false, true]);
    assert.equal(again[0].errors[0].statusCode, 'ENTITY_IS_DELETED');
    const { totalSize } = await conn.query("SELECT COUNT() FROM Gauge__c WHERE Code__c LIKE 'COL-%'");
    assert.equal(totalSize, 448);
  });
}
