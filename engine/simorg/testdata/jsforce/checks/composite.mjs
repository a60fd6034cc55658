import assert from 'node:assert/strict';
import { check, id18, org, refusal } from '../harness.mjs';

const base = `/services/data/v${org.version}`;

export default async function run(conn) {
  await check('tree: parents with children in one call', async () => {
    const { hasErrors, results } = await conn.requestPost('/composite/tree/Account', {
      records: [1, 2].map((n) => ({
        attributes: { type: 'Account', referenceId: `acc${n}` },
        Name: `Tree ${n}`,
        Contacts: { records: [{ attributes: { type: 'Contact', referenceId: `con${n}` }, LastName: `Leaf ${n}` }] },
      })),
    });
    assert.equal(hasErrors, false);
    assert.deepEqual(results.map((r) => r.referenceId).sort(), ['acc1', 'acc2', 'con1', 'con2']);
    const ids = Object.fromEntries(results.map((r) => [r.referenceId, r.id]));
    assert.ok(Object.values(ids).every((id) => id18.test(id)));
    for (const n of [1, 2]) assert.equal((await conn.sobject('Contact').retrieve(ids[`con${n}`])).AccountId, ids[`acc${n}`]);
  });
  await check('tree: one bad record refuses all and is named', async () => {
    const response = await fetch(`${org.url}${base}/composite/tree/Account`, {
      method: 'POST',
      headers: { authorization: `Bearer ${conn.accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        records: [
          { attributes: { type: 'Account', referenceId: 'good' }, Name: 'Tree that falls' },
          { attributes: { type: 'Account', referenceId: 'bad' }, Website: 'https://no.name' },
        ],
      }),
    });
    assert.equal(response.status, 400);
    const { hasErrors, results } = await response.json();
    assert.equal(hasErrors, true);
    assert.deepEqual(results.map((r) => [r.referenceId, r.errors[0].statusCode]), [['bad', 'REQUIRED_FIELD_MISSING']]);
    assert.equal((await conn.query("SELECT Id FROM Account WHERE Name = 'Tree that falls'")).totalSize, 0);
  });
  await check('composite: later requests use earlier results', async () => {
    const { compositeResponse } = await conn.requestPost('/composite', {
      allOrNone: true,
      compositeRequest: [
        { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'acc', body: { Name: 'Composite' } },
        { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'con', body: { LastName: 'Part', AccountId: '@{acc.id}' } },
        { method: 'GET', url: `${base}/sobjects/Contact/@{con.id}?fields=AccountId,LastName`, referenceId: 'got' },
        { method: 'PATCH', url: `${base}/sobjects/Account/@{acc.id}`, referenceId: 'upd', body: { Name: 'Composite of @{got.LastName}' } },
        { method: 'GET', url: `${base}/query/?q=SELECT+Name+FROM+Account+WHERE+Id='@{acc.id}'`, referenceId: 'q' },
      ],
    });
    assert.deepEqual(compositeResponse.map((r) => [r.referenceId, r.httpStatusCode]), [['acc', 201], ['con', 201], ['got', 200], ['upd', 204], ['q', 200]]);
    const [acc, , got, upd, q] = compositeResponse;
    assert.equal(acc.httpHeaders.Location, `${base}/sobjects/Account/${acc.body.id}`);
    assert.equal(got.body.AccountId, acc.body.id);
    assert.equal(upd.body, null);
    assert.equal(q.body.records[0].Name, 'Composite of Part');
  });
  await check('composite: all or none rolls back', async () => {
    const { compositeResponse } = await conn.requestPost('/composite', {
      allOrNone: true,
      compositeRequest: [
        { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'one', body: { Name: 'Rolled back' } },
        { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'two', body: { FirstName: 'Nameless' } },
      ],
    });
    assert.deepEqual(compositeResponse.map((r) => [r.httpStatusCode, r.body[0].errorCode]), [[400, 'PROCESSING_HALTED'], [400, 'REQUIRED_FIELD_MISSING']]);
    assert.equal((await conn.query("SELECT Id FROM Account WHERE Name = 'Rolled back'")).totalSize, 0);
  });
  await check('composite: without all or none the good ones stay', async () => {
    const { compositeResponse } = await conn.requestPost('/composite', {
      allOrNone: false,
      compositeRequest: [
        { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'bad', body: { FirstName: 'Nameless' } },
        { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'good', body: { Name: 'Stays' } },
      ],
    });
    assert.deepEqual(compositeResponse.map((r) => r.httpStatusCode), [400, 201]);
  });
  await check('composite: more than 25 are refused', async () => {
    const request = { method: 'GET', url: `${base}/limits` };
    const err = await refusal(() => conn.requestPost('/composite', { compositeRequest: Array.from({ length: 26 }, (_, i) => ({ ...request, referenceId: `r${i}` })) }));
    assert.ok(err.errorCode, err.message);
  });
  await check('composite: batch', async () => {
    const { hasErrors, results } = await conn.requestPost('/composite/batch', {
      batchRequests: [
        { method: 'GET', url: `v${org.version}/sobjects/Account/describe` },
        { method: 'GET', url: `v${org.version}/sobjects/Nonesuch__c/describe` },
      ],
    });
    assert.equal(hasErrors, true);
    assert.deepEqual(results.map((r) => r.statusCode), [200, 404]);
    assert.equal(results[0].result.name, 'Account');
    assert.equal(results[1].result[0].errorCode, 'NOT_FOUND');
  });
  await check('composite: graphs succeed and fail each for itself', async () => {
    const graph = (graphId, contact) => ({
      graphId,
      compositeRequest: [
        { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'acc', body: { Name: `Graph ${graphId}` } },
        { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'con', body: { ...contact, AccountId: '@{acc.id}' } },
      ],
    });
    const { graphs } = await conn.requestPost('/composite/graph', { graphs: [graph('g1', { LastName: 'Node' }), graph('g2', { FirstName: 'Nameless' })] });
    assert.deepEqual(graphs.map((g) => [g.graphId, g.isSuccessful]), [['g1', true], ['g2', false]]);
    assert.deepEqual(names(await conn.query("SELECT Name FROM Account WHERE Name LIKE 'Graph g%'")), ['Graph g1']);
  });
}

const names = (result) => result.records.map((r) => r.Name);
