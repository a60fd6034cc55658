import assert from 'node:assert/strict';
import { check } from '../harness.mjs';

export default async function run(conn) {
  await check('limits: counters, and a call counts', async () => {
    const { DailyApiRequests, DailyBulkV2QueryJobs } = await conn.limits();
    assert.ok(DailyApiRequests.Max > 0 && DailyApiRequests.Remaining < DailyApiRequests.Max);
    assert.ok(DailyBulkV2QueryJobs.Max >= DailyBulkV2QueryJobs.Remaining);
    const before = conn.limitInfo.apiUsage;
    assert.equal(before.limit, DailyApiRequests.Max);
    await conn.query('SELECT Id FROM User LIMIT 1');
    assert.equal(conn.limitInfo.apiUsage.used, before.used + 1);
  });
  await check('limits: record counts', async () => {
    const { sObjects } = await conn.request('/limits/recordCount?sObjects=Account,Gauge__c');
    const counts = Object.fromEntries(sObjects.map((s) => [s.name, s.count]));
    assert.ok(counts.Account > 0 && counts.Gauge__c > 0, JSON.stringify(counts));
  });
}
