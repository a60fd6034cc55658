import assert from 'node:assert/strict';
import { check, refusal, stamp } from '../harness.mjs';

const names = (result) => result.records.map((r) => r.Name);

export default async function run(conn) {
  const mark = `Q${Date.now().toString(36)}`;
  const q = (soql, options) => conn.query(soql.replaceAll('$', mark), options);
  let accounts;
  let contacts;

  await check('query: the rows it works on', async () => {
    const industries = ['Banking', 'Energy', 'Banking', null];
    const made = await conn.sobject('Account').create(
      industries.map((Industry, i) => ({ Name: `${mark} ${'ABCD'[i]}`, Industry, AnnualRevenue: (i + 1) * 100, BillingCity: i < 2 ? "L'Aquila" : 'Oslo' })),
    );
    accounts = made.map((r) => r.id);
    const people = Array.from({ length: 12 }, (_, i) => ({
      LastName: `${mark}-${String(i).padStart(2, '0')}`,
      FirstName: i % 2 ? 'Ümit' : 'Ann',
      AccountId: accounts[i % 2],
      Birthdate: `19${70 + i}-06-15`,
      Email: `p${i}.${mark}@example.com`.toLowerCase(),
    }));
    contacts = (await conn.sobject('Contact').create(people)).map((r) => r.id);
    assert.ok([...accounts, ...contacts].every(Boolean));
  });
  await check('query: filter, order, limit and offset', async () => {
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' ORDER BY AnnualRevenue DESC LIMIT 2 OFFSET 1")), [`${mark} C`, `${mark} B`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND (Industry = 'Energy' OR AnnualRevenue > 350) ORDER BY Name")), [`${mark} B`, `${mark} D`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND (NOT Industry = 'Banking') ORDER BY Name")), [`${mark} B`, `${mark} D`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND Industry = null")), [`${mark} D`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND BillingCity = 'l\\'aquila' ORDER BY Name")), [`${mark} A`, `${mark} B`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name IN ('$ A', '$ C') AND Industry NOT IN ('Energy') ORDER BY Name DESC")), [`${mark} C`, `${mark} A`]);
  });
  await check('query: nulls first, or last', async () => {
    assert.equal(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' ORDER BY Industry, Name"))[0], `${mark} D`);
    assert.equal(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' ORDER BY Industry NULLS LAST, Name")).at(-1), `${mark} D`);
  });
  await check('query: the shape of a row', async () => {
    const { records, done, totalSize } = await q(`SELECT Id, Name, CreatedDate, Owner.Name, Account.Name FROM Contact WHERE Id = '${contacts?.[3]}'`);
    assert.equal(done, true);
    assert.equal(totalSize, 1);
    const [row] = records;
    assert.equal(row.attributes.type, 'Contact');
    assert.ok(row.attributes.url.endsWith(`/sobjects/Contact/${row.Id}`));
    assert.match(row.CreatedDate, stamp);
    assert.equal(row.Name, `Ümit ${mark}-03`);
    assert.equal(row.Account.Name, `${mark} B`);
    assert.equal(row.Account.attributes.type, 'Account');
    assert.equal(row.Owner.attributes.type, 'User');
  });
  await check('query: a parent that is null', async () => {
    const { id } = await conn.sobject('Contact').create({ LastName: `${mark} alone` });
    const { records } = await q(`SELECT Account.Name FROM Contact WHERE Id = '${id}'`);
    assert.equal(records[0].Account, null);
  });
  await check('query: children in a sub-select', async () => {
    const { records } = await q("SELECT Name, (SELECT LastName FROM Contacts WHERE FirstName = 'Ann' ORDER BY LastName DESC LIMIT 3) FROM Account WHERE Name LIKE '$%' ORDER BY Name");
    assert.deepEqual(records[0].Contacts.records.map((c) => c.LastName), [`${mark}-10`, `${mark}-08`, `${mark}-06`]);
    assert.equal(records[0].Contacts.totalSize, 3);
    assert.equal(records[0].Contacts.done, true);
    assert.equal(records[1].Contacts, null);
  });
  await check('query: semi-join and anti-join', async () => {
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND Id IN (SELECT AccountId FROM Contact WHERE FirstName = 'Ümit')")), [`${mark} B`]);
    assert.deepEqual(names(await q("SELECT Name FROM Account WHERE Name LIKE '$%' AND Id NOT IN (SELECT AccountId FROM Contact WHERE AccountId != null) ORDER BY Name")), [`${mark} C`, `${mark} D`]);
  });
  await check('query: parent fields in the filter', async () => {
    const { totalSize } = await q("SELECT Id FROM Contact WHERE Account.Industry = 'Banking' AND Account.Name LIKE '$%'");
    assert.equal(totalSize, 6);
  });
  await check('query: count and aggregates', async () => {
    const count = await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%'");
    assert.deepEqual([count.totalSize, count.done, count.records], [12, true, []]);
    const { records } = await q("SELECT Industry, COUNT(Id) many, SUM(AnnualRevenue), MAX(AnnualRevenue) top FROM Account WHERE Name LIKE '$%' AND Industry != null GROUP BY Industry ORDER BY Industry");
    assert.deepEqual(records.map(({ Industry, many, expr0, top }) => [Industry, many, expr0, top]), [['Banking', 2, 400, 300], ['Energy', 1, 200, 200]]);
    assert.equal(records[0].attributes.type, 'AggregateResult');
    const having = await q("SELECT Industry FROM Account WHERE Name LIKE '$%' GROUP BY Industry HAVING COUNT(Id) > 1");
    assert.deepEqual(having.records.map((r) => r.Industry), ['Banking']);
  });
  await check('query: dates and date literals', async () => {
    assert.equal((await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%' AND Birthdate >= 1975-06-15 AND Birthdate < 1978-01-01")).totalSize, 3);
    assert.equal((await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%' AND CreatedDate = LAST_N_DAYS:1")).totalSize, 12);
    assert.equal((await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%' AND CreatedDate < YESTERDAY")).totalSize, 0);
    assert.equal((await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%' AND CreatedDate > 2020-01-01T00:00:00Z")).totalSize, 12);
  });
  await check('query: multi-select picklists', async () => {
    await conn.sobject('Gauge__c').create([['red', 'green'], ['blue'], ['red', 'blue']].map((t, i) => ({ Name: `${mark} ${i}`, Tags__c: t.join(';') })));
    assert.deepEqual(names(await q("SELECT Name FROM Gauge__c WHERE Name LIKE '$%' AND Tags__c INCLUDES ('red;blue', 'green') ORDER BY Name")), [`${mark} 0`, `${mark} 2`]);
    assert.deepEqual(names(await q("SELECT Name FROM Gauge__c WHERE Name LIKE '$%' AND Tags__c EXCLUDES ('red')")), [`${mark} 1`]);
  });
  await check('query: FIELDS()', async () => {
    const { records } = await q(`SELECT FIELDS(ALL) FROM Account WHERE Id = '${accounts?.[0]}' LIMIT 1`);
    const { fields } = await conn.describe('Account');
    assert.deepEqual(fields.map((f) => f.name).filter((n) => !(n in records[0])), []);
  });
  await check('query: pages by locator hold every row once', async () => {
    const first = await q("SELECT Id, Code__c FROM Gauge__c WHERE Code__c LIKE 'COL-%' ORDER BY Id", { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    assert.equal(first.records.length, 200);
    assert.equal(first.done, false);
    const seen = first.records.map((r) => r.Id);
    let page = first;
    while (!page.done) {
      page = await conn.queryMore(page.nextRecordsUrl);
      assert.equal(page.totalSize, first.totalSize);
      seen.push(...page.records.map((r) => r.Id));
    }
    assert.equal(seen.length, first.totalSize);
    assert.equal(new Set(seen).size, first.totalSize);
    assert.deepEqual(seen, [...seen].sort());
  });
  await check('query: autoFetch follows the pages', async () => {
    const records = await q("SELECT Id FROM Gauge__c WHERE Code__c LIKE 'COL-%'").run({ autoFetch: true, maxFetch: 10000, headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    const { totalSize } = await q("SELECT COUNT() FROM Gauge__c WHERE Code__c LIKE 'COL-%'");
    assert.equal((records.records ?? records).length, totalSize);
  });
  await check('query: the query builder', async () => {
    const records = await conn.sobject('Contact').find({ LastName: { $like: `${mark}-%` }, FirstName: 'Ann' }, ['Id', 'LastName']).sort({ LastName: -1 }).limit(2).execute();
    assert.deepEqual(records.map((r) => r.LastName), [`${mark}-10`, `${mark}-08`]);
  });
  await check('query: queryAll shows what is deleted', async () => {
    await conn.sobject('Contact').destroy(contacts[0]);
    assert.equal((await q("SELECT COUNT() FROM Contact WHERE LastName LIKE '$-%'")).totalSize, 11);
    const all = await q("SELECT Id, IsDeleted FROM Contact WHERE LastName LIKE '$-%'", { scanAll: true });
    assert.equal(all.totalSize, 12);
    assert.deepEqual(all.records.filter((r) => r.IsDeleted).map((r) => r.Id), [contacts[0]]);
  });
  for (const [name, soql, code] of [
    ['a malformed query', 'SELECT Id FRM Account', 'MALFORMED_QUERY'],
    ['an unknown field', 'SELECT Nonesuch__c FROM Account', 'INVALID_FIELD'],
    ['an unknown object', 'SELECT Id FROM Nonesuch__c', 'INVALID_TYPE'],
    ['AND and OR without parentheses', "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", 'MALFORMED_QUERY'],
    ['a filter on a long text', "SELECT Id FROM Gauge__c WHERE Note__c = 'x'", 'INVALID_FIELD'],
    ['an ungrouped field', 'SELECT Name, COUNT(Id) FROM Account', 'MALFORMED_QUERY'],
    ['an offset that is too far', 'SELECT Id FROM Account LIMIT 1 OFFSET 2001', 'NUMBER_OUTSIDE_VALID_RANGE'],
  ]) {
    await check(`query: ${name}`, async () => assert.equal((await refusal(() => conn.query(soql))).errorCode, code));
  }
  await check('query: a locator that never was', async () => {
    const err = await refusal(() => conn.queryMore('01g000000000000AAA-2000'));
    assert.equal(err.errorCode, 'INVALID_QUERY_LOCATOR');
  });
}
