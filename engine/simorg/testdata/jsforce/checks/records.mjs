import assert from 'node:assert/strict';
import { awkward, check, id18, refusal, stamp } from '../harness.mjs';

export default async function run(conn) {
  const gauges = conn.sobject('Gauge__c');
  const values = {
    Name: 'Quay 4',
    Note__c: awkward,
    Amount__c: 1234567.89,
    Count__c: 42,
    Ratio__c: 12.5,
    Level__c: -0.0625,
    Day__c: '2026-02-28',
    At__c: '2026-03-29T01:30:15.000+0000',
    Flag__c: true,
    Kind__c: 'Wind',
    Tags__c: 'red;blue',
    Contact_Email__c: 'quay@example.com',
    Link__c: 'https://example.com/?a=1&b=2',
    Line__c: '+372 5555 0100',
  };
  let id;

  await check('records: insert', async () => {
    const result = await gauges.create(values);
    assert.deepEqual({ ...result, id: undefined }, { id: undefined, success: true, errors: [] });
    assert.match(result.id, id18);
    id = result.id;
  });
  await check('records: every value comes back as it went', async () => {
    const got = await gauges.retrieve(id);
    for (const [name, value] of Object.entries(values)) assert.deepEqual(got[name], value, name);
    assert.equal(got.Double__c, 2469135.78);
    assert.equal(got.IsDeleted, false);
    assert.match(got.CreatedDate, stamp);
    assert.match(got.SystemModstamp, stamp);
    assert.match(got.OwnerId, /^005/);
    assert.equal(got.attributes.type, 'Gauge__c');
    assert.ok(got.attributes.url.endsWith(`/sobjects/Gauge__c/${id}`));
  });
  await check('records: chosen fields, by a 15-character id', async () => {
    const got = await conn.retrieve('Gauge__c', id.slice(0, 15), { fields: ['Id', 'Count__c'] });
    assert.deepEqual(Object.keys(got).sort(), ['Count__c', 'Id', 'attributes']);
    assert.equal(got.Id, id);
  });
  await check('records: update changes what it names and nothing else', async () => {
    const before = await gauges.retrieve(id);
    const result = await gauges.update({ Id: id, Count__c: 43, Note__c: null, Flag__c: false });
    assert.equal(result.success, true);
    const after = await gauges.retrieve(id);
    const moving = ['LastModifiedDate', 'LastModifiedById', 'SystemModstamp', 'LastViewedDate', 'LastReferencedDate', 'attributes'];
    const changed = Object.keys(after).filter((k) => !moving.includes(k) && JSON.stringify(after[k]) !== JSON.stringify(before[k]));
    assert.deepEqual(changed.sort(), ['Count__c', 'Flag__c', 'Note__c']);
    assert.equal(after.Note__c, null);
    assert.ok(after.SystemModstamp >= before.SystemModstamp);
  });
  await check('records: an empty text is stored as null', async () => {
    await gauges.update({ Id: id, Line__c: '' });
    assert.equal((await gauges.retrieve(id)).Line__c, null);
  });
  await check('records: a required field', async () => {
    const err = await refusal(() => conn.sobject('Contact').create({ FirstName: 'Nameless' }));
    assert.equal(err.errorCode, 'REQUIRED_FIELD_MISSING');
    assert.match(err.message, /LastName/);
  });
  await check('records: an unknown field', async () => {
    const err = await refusal(() => gauges.update({ Id: id, Nonesuch__c: 1 }));
    assert.equal(err.errorCode, 'INVALID_FIELD');
    assert.match(err.message, /Nonesuch__c/);
  });
  await check('records: a field that cannot be written', async () => {
    const err = await refusal(() => gauges.update({ Id: id, CreatedDate: '2020-01-01T00:00:00Z' }));
    assert.equal(err.errorCode, 'INVALID_FIELD_FOR_INSERT_UPDATE');
  });
  await check('records: a text that is too long', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Long', Code__c: 'x'.repeat(41) }));
    assert.equal(err.errorCode, 'STRING_TOO_LONG');
  });
  await check('records: a value outside a restricted picklist', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Bad kind', Kind__c: 'Snow' }));
    assert.equal(err.errorCode, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST');
  });
  await check('records: a validation rule', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Negative', Count__c: -1 }));
    assert.equal(err.errorCode, 'FIELD_CUSTOM_VALIDATION_EXCEPTION');
    assert.equal(err.message, 'A count cannot be negative.');
  });
  await check('records: a value of the wrong type', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Text', Count__c: 'many' }));
    assert.equal(err.errorCode, 'JSON_PARSER_ERROR');
  });
  await check('records: a lookup to a record that is not there', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Lost', Account__c: '001000000000000AAA' }));
    assert.match(err.errorCode, /^(INVALID_CROSS_REFERENCE_KEY|INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY)$/);
  });
  await check('records: a malformed id', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Bad id', Account__c: 'not an id' }));
    assert.equal(err.errorCode, 'MALFORMED_ID');
  });
  await check('records: upsert by external id inserts, then updates', async () => {
    const created = await gauges.upsert({ Name: 'By code', Code__c: 'A-1', Count__c: 1 }, 'Code__c');
    assert.equal(created.created, true);
    const updated = await gauges.upsert({ Code__c: 'A-1', Count__c: 2 }, 'Code__c');
    assert.equal(updated.created, false);
    assert.equal(updated.id, created.id);
    const got = await gauges.retrieve(created.id);
    assert.deepEqual([got.Name, got.Count__c, got.Code__c], ['By code', 2, 'A-1']);
    const byCode = await conn.request(`/sobjects/Gauge__c/Code__c/A-1`);
    assert.equal(byCode.Id, created.id);
  });
  await check('records: a unique value is unique', async () => {
    const err = await refusal(() => gauges.create({ Name: 'Twin', Code__c: 'A-1' }));
    assert.equal(err.errorCode, 'DUPLICATE_VALUE');
  });
  await check('records: delete, and what is left of it', async () => {
    assert.equal((await gauges.destroy(id)).success, true);
    const gone = await refusal(() => gauges.retrieve(id));
    assert.equal(gone.errorCode, 'ENTITY_IS_DELETED');
    const twice = await refusal(() => gauges.destroy(id));
    assert.equal(twice.errorCode, 'ENTITY_IS_DELETED');
    assert.equal((await conn.query(`SELECT Id FROM Gauge__c WHERE Id = '${id}'`)).totalSize, 0);
    const all = await conn.query(`SELECT Id, IsDeleted FROM Gauge__c WHERE Id = '${id}'`, { scanAll: true });
    assert.deepEqual(all.records.map((r) => r.IsDeleted), [true]);
  });
  await check('records: an id that never was', async () => {
    const err = await refusal(() => conn.sobject('Account').retrieve('001000000000000AAA'));
    assert.equal(err.errorCode, 'NOT_FOUND');
  });
}
