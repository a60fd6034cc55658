import assert from 'node:assert/strict';
import { check } from '../harness.mjs';

export default async function run(conn) {
  const minutes = (n) => new Date(Date.now() + n * 60_000);
  const alive = async (object, id) => (await conn.query(`SELECT Id FROM ${object} WHERE Id = '${id}'`)).totalSize === 1;
  let gauge;
  let reading;

  await check('bin: deleting a master deletes its details', async () => {
    gauge = (await conn.sobject('Gauge__c').create({ Name: 'For the bin' })).id;
    reading = (await conn.sobject('Reading__c').create({ Gauge__c: gauge, Value__c: 7.25 })).id;
    await conn.sobject('Gauge__c').destroy(gauge);
    const { records } = await conn.query(`SELECT IsDeleted FROM Reading__c WHERE Id = '${reading}'`, { scanAll: true });
    assert.deepEqual(records.map((r) => r.IsDeleted), [true]);
  });
  await check('bin: undelete brings both back under their ids', async () => {
    const [result] = await conn.soap.undelete([gauge]);
    assert.equal(result.success, true);
    assert.equal(result.id, gauge);
    assert.ok(await alive('Gauge__c', gauge));
    const got = await conn.sobject('Reading__c').retrieve(reading);
    assert.deepEqual([got.Gauge__c, got.Value__c, got.IsDeleted], [gauge, 7.25, false]);
  });
  await check('bin: undelete of what is not in the bin', async () => {
    const [result] = await conn.soap.undelete([gauge]);
    assert.equal(result.success, false);
    assert.ok(result.errors.length > 0);
    assert.equal(result.errors[0].statusCode, 'UNDELETE_FAILED');
  });
  await check('bin: a lookup is emptied, and re-linked by undelete', async () => {
    const account = (await conn.sobject('Account').create({ Name: 'Looked up' })).id;
    const id = (await conn.sobject('Gauge__c').create({ Name: 'Looks up', Account__c: account })).id;
    await conn.sobject('Account').destroy(account);
    assert.equal((await conn.sobject('Gauge__c').retrieve(id)).Account__c, null);
    await conn.soap.undelete([account]);
    assert.equal((await conn.sobject('Gauge__c').retrieve(id)).Account__c, account);
  });
  await check('bin: an account takes its contacts along; a case keeps it', async () => {
    const account = (await conn.sobject('Account').create({ Name: 'With contact' })).id;
    const contact = (await conn.sobject('Contact').create({ LastName: 'Goes along', AccountId: account })).id;
    const held = (await conn.sobject('Case').create({ Subject: 'Holds it', AccountId: account })).id;
    const refused = await conn.sobject('Account').destroy(account).catch((err) => err);
    assert.equal(refused.errorCode, 'DELETE_FAILED');
    assert.ok(await alive('Contact', contact));
    await conn.sobject('Case').destroy(held);
    assert.equal((await conn.sobject('Account').destroy(account)).success, true);
    assert.equal(await alive('Contact', contact), false);
  });
  await check('bin: emptied for good', async () => {
    const id = (await conn.sobject('Gauge__c').create({ Name: 'For good' })).id;
    await conn.sobject('Gauge__c').destroy(id);
    const [emptied] = await conn.soap.emptyRecycleBin([id]);
    assert.equal(emptied.success, true);
    const [result] = await conn.soap.undelete([id]);
    assert.equal(result.success, false);
  });
  await check('bin: merge keeps the master and its losers say so', async () => {
    const [master, loser] = (await conn.sobject('Account').create([{ Name: 'Master' }, { Name: 'Loser' }])).map((r) => r.id);
    const contact = (await conn.sobject('Contact').create({ LastName: 'Moves', AccountId: loser })).id;
    // soap.merge() calls the argument mergeRequests; in the WSDL it is request.
    const request = { masterRecord: { type: 'Account', Id: master, Phone: '12345' }, recordToMergeIds: [loser] };
    const result = await conn.soap._invoke('merge', { request });
    assert.equal(String(result.success), 'true', JSON.stringify(result));
    assert.equal((await conn.sobject('Contact').retrieve(contact)).AccountId, master);
    assert.equal((await conn.sobject('Account').retrieve(master)).Phone, '12345');
    const { records } = await conn.query(`SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '${loser}'`, { scanAll: true });
    assert.deepEqual([records[0].IsDeleted, records[0].MasterRecordId], [true, master]);
  });
  await check('replication: getDeleted and getUpdated', async () => {
    const [kept, gone] = (await conn.sobject('Gauge__c').create([{ Name: 'Kept' }, { Name: 'Gone' }])).map((r) => r.id);
    await conn.sobject('Gauge__c').destroy(gone);
    const deleted = await conn.deleted('Gauge__c', minutes(-10), minutes(2));
    assert.ok(deleted.deletedRecords.some((r) => r.id === gone && /^\d{4}-.*\+0000$/.test(r.deletedDate)), JSON.stringify(deleted));
    assert.ok(!deleted.deletedRecords.some((r) => r.id === kept));
    assert.ok(deleted.earliestDateAvailable && deleted.latestDateCovered);
    const updated = await conn.updated('Gauge__c', minutes(-10), minutes(2));
    assert.ok(updated.ids.includes(kept));
    assert.ok(updated.latestDateCovered);
  });
  await check('replication: a range too far back', async () => {
    const err = await conn.deleted('Gauge__c', minutes(-60 * 24 * 40), minutes(-60 * 24 * 39)).catch((e) => e);
    assert.equal(err.errorCode, 'INVALID_REPLICATION_DATE');
  });
}
