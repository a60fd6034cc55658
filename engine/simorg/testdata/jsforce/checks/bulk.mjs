import assert from 'node:assert/strict';
import { awkward, check, org, refusal } from '../harness.mjs';

const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
const csv = (columns, rows) => [columns.join(','), ...rows.map((row) => row.map(cell).join(','))].join('\n') + '\n';
const amount = (i) => (i % 100_000) / 4;

export default async function run(conn) {
  conn.bulk2.pollInterval = 200;
  conn.bulk2.pollTimeout = 300_000;
  const total = org.bulkRows;
  const where = "WHERE Code__c LIKE 'BULK-%'";
  const load = (operation, columns, rows, extra) =>
    conn.bulk2.loadAndWaitForResults({ object: 'Gauge__c', operation, input: csv(columns, rows), lineEnding: 'LF', ...extra });
  const ids = new Map();

  await check(`bulk: insert ${total} rows, every 1000th refused`, async () => {
    const rows = Array.from({ length: total }, (_, i) => [`Bulk ${i}`, `BULK-${i}`, i % 1000 === 999 ? -1 : i, amount(i), i === 0 ? awkward : '']);
    const { successfulResults, failedResults, unprocessedRecords } = await load('insert', ['Name', 'Code__c', 'Count__c', 'Amount__c', 'Note__c'], rows);
    const refused = Math.floor(total / 1000);
    assert.deepEqual([successfulResults.length, failedResults.length, unprocessedRecords.length], [total - refused, refused, 0]);
    assert.ok(successfulResults.every((r) => r.sf__Created === 'true' && r.sf__Id.length === 18));
    for (const r of successfulResults) ids.set(r.Code__c, r.sf__Id);
    assert.equal(ids.size, total - refused);
    assert.ok(failedResults.every((r) => r.Count__c === '-1' && r.sf__Id === ''));
    assert.equal(failedResults[0]?.sf__Error ?? '', refused ? 'FIELD_CUSTOM_VALIDATION_EXCEPTION:A count cannot be negative.:Count__c --' : '');
    assert.equal((await conn.query(`SELECT COUNT() FROM Gauge__c ${where}`)).totalSize, total - refused);
  });
  await check('bulk: query gives every row back as it went', async () => {
    const stream = await conn.bulk2.query(`SELECT Id, Code__c, Count__c, Amount__c, Note__c, CreatedDate, Account__r.Name FROM Gauge__c ${where}`);
    const seen = new Set();
    for (const row of await stream.toArray()) {
      const i = Number(row.Code__c.slice(5));
      assert.equal(row.Id, ids.get(row.Code__c), row.Code__c);
      assert.deepEqual([Number(row.Count__c), Number(row.Amount__c), row.Note__c, row['Account__r.Name']], [i, amount(i), i === 0 ? awkward : '', '']);
      assert.match(row.CreatedDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
      seen.add(row.Id);
    }
    assert.equal(seen.size, ids.size);
  });
  await check('bulk: pages by locator hold every row once, each with the header', async () => {
    const job = await conn.requestPost('/jobs/query', { operation: 'query', query: `SELECT Code__c FROM Gauge__c ${where}` });
    assert.equal(job.state, 'UploadComplete');
    assert.equal(job.apiVersion, Number(org.version));
    await conn.bulk2.job('query', { id: job.id }).poll();
    const codes = new Set();
    let locator = '';
    let pages = 0;
    do {
      const size = Math.ceil(total / 4);
      const res = await fetch(`${org.url}/services/data/v${org.version}/jobs/query/${job.id}/results?maxRecords=${size}${locator && `&locator=${locator}`}`, {
        headers: { authorization: `Bearer ${conn.accessToken}`, accept: 'text/csv' },
      });
      assert.equal(res.status, 200);
      const [header, ...lines] = (await res.text()).trimEnd().split('\n');
      assert.equal(header, '"Code__c"');
      assert.equal(String(lines.length), res.headers.get('sforce-numberofrecords'));
      for (const line of lines) codes.add(line);
      locator = res.headers.get('sforce-locator');
      pages++;
    } while (locator !== 'null');
    assert.ok(pages >= 2);
    assert.equal(codes.size, ids.size);
    const done = await conn.request(`/jobs/query/${job.id}`);
    assert.deepEqual([done.state, done.numberRecordsProcessed], ['JobComplete', ids.size]);
  });
  await check('bulk: update, where empty is ignored and #N/A clears', async () => {
    const { successfulResults, failedResults } = await load('update', ['Id', 'Count__c', 'Note__c'], [
      [ids.get('BULK-0'), '', '#N/A'],
      [ids.get('BULK-1'), 77, 'noted'],
    ]);
    assert.deepEqual([successfulResults.length, failedResults.length], [2, 0]);
    assert.ok(successfulResults.every((r) => r.sf__Created === 'false'));
    const [zero, one] = await conn.retrieve('Gauge__c', [ids.get('BULK-0'), ids.get('BULK-1')], { fields: ['Count__c', 'Note__c'] });
    assert.deepEqual([zero.Count__c, zero.Note__c, one.Count__c, one.Note__c], [0, null, 77, 'noted']);
  });
  await check('bulk: upsert by external id', async () => {
    const { successfulResults } = await load('upsert', ['Code__c', 'Name'], [['BULK-2', 'Renamed'], ['BULK-extra', 'Extra']], { externalIdFieldName: 'Code__c' });
    assert.deepEqual(Object.fromEntries(successfulResults.map((r) => [r.Code__c, r.sf__Created])), { 'BULK-2': 'false', 'BULK-extra': 'true' });
    assert.equal((await conn.sobject('Gauge__c').retrieve(ids.get('BULK-2'))).Name, 'Renamed');
  });
  await check('bulk: delete, and queryAll still shows it', async () => {
    const gone = ['BULK-3', 'BULK-4'].map((code) => ids.get(code));
    const { successfulResults } = await load('delete', ['Id'], gone.map((id) => [id]));
    assert.deepEqual(successfulResults.map((r) => r.sf__Id).sort(), [...gone].sort());
    const rows = await (await conn.bulk2.query("SELECT Id, IsDeleted FROM Gauge__c WHERE Code__c IN ('BULK-3', 'BULK-4')", { scanAll: true })).toArray();
    assert.deepEqual(rows.map((r) => [r.Id, r.IsDeleted]).sort(), gone.map((id) => [id, 'true']).sort());
    assert.deepEqual(await (await conn.bulk2.query("SELECT Id FROM Gauge__c WHERE Code__c IN ('BULK-3', 'BULK-4')")).toArray(), []);
  });
  for (const [name, query, code] of [
    ['an aggregate', 'SELECT COUNT(Id) FROM Gauge__c', /./],
    ['a sub-select', 'SELECT Id, (SELECT Id FROM Readings__r) FROM Gauge__c', /./],
    ['a compound field', 'SELECT BillingAddress FROM Account', /API_ERROR/],
    ['an object it does not support', 'SELECT Id FROM RecentlyViewed', /INVALIDENTITY|INVALID/],
    ['an unknown field', 'SELECT Nonesuch__c FROM Gauge__c', /INVALID_FIELD/],
  ]) {
    await check(`bulk: ${name} is refused when the job is made`, async () => {
      const err = await refusal(() => conn.requestPost('/jobs/query', { operation: 'query', query }));
      assert.match(err.errorCode, code);
    });
  }
  await check('bulk: a column that is not a field fails the job', async () => {
    const err = await refusal(() => load('insert', ['Name', 'Nonesuch__c'], [['x', 'y']]));
    assert.match(err.message, /InvalidBatch.*Nonesuch__c/);
  });
  await check('bulk: a job can be aborted and deleted', async () => {
    const job = conn.bulk2.createJob({ object: 'Gauge__c', operation: 'insert' });
    await job.open();
    assert.equal((await job.check()).state, 'Open');
    await job.abort();
    assert.equal((await job.check()).state, 'Aborted');
    await job.delete();
    assert.equal((await refusal(() => job.check())).errorCode, 'NOT_FOUND');
  });
}
