import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { check } from '../harness.mjs';

const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

export default async function run(conn) {
  const small = Buffer.from('Offer\r\n\0\xff binary', 'latin1');
  const large = randomBytes(3 << 20);
  const body = (object, id, field) => buffer(conn.sobject(object).record(id).blob(field));
  let account;
  let version;

  await check('files: up as base64, down byte for byte', async () => {
    account = (await conn.sobject('Account').create({ Name: 'With files' })).id;
    version = (await conn.sobject('ContentVersion').create({ Title: 'Offer', PathOnClient: 'offer.bin', VersionData: small.toString('base64'), FirstPublishLocationId: account })).id;
    assert.deepEqual(await body('ContentVersion', version, 'VersionData'), small);
  });
  await check('files: what the platform says of a version', async () => {
    const got = await conn.sobject('ContentVersion').retrieve(version);
    assert.deepEqual(
      [got.Title, got.PathOnClient, got.ContentSize, got.Checksum, got.FileExtension, got.IsLatest, got.VersionNumber],
      ['Offer', 'offer.bin', small.length, md5(small), 'bin', true, '1'],
    );
    assert.match(got.ContentDocumentId, /^069/);
    assert.ok(got.VersionData.endsWith(`/sobjects/ContentVersion/${version}/VersionData`), 'a base64 field reads as its path');
  });
  await check('files: up as multipart, 3 MB', async () => {
    const { id } = await conn.sobject('ContentVersion').create(
      { Title: 'Large', PathOnClient: 'large.bin', VersionData: large.toString('base64') },
      { multipartFileFields: { VersionData: { filename: 'large.bin', contentType: 'application/octet-stream' } } },
    );
    const got = await body('ContentVersion', id, 'VersionData');
    assert.equal(md5(got), md5(large));
    assert.equal(got.length, large.length);
  });
  await check('files: a second version of the same document', async () => {
    const first = await conn.sobject('ContentVersion').retrieve(version);
    const { id } = await conn.sobject('ContentVersion').create({ Title: 'Offer, revised', PathOnClient: 'offer.bin', VersionData: Buffer.from('two').toString('base64'), ContentDocumentId: first.ContentDocumentId });
    const { records } = await conn.query(`SELECT Id, IsLatest FROM ContentVersion WHERE ContentDocumentId = '${first.ContentDocumentId}' ORDER BY CreatedDate, Id`);
    assert.deepEqual(records.map((r) => [r.Id, r.IsLatest]).sort(), [[version, false], [id, true]].sort());
    const document = await conn.sobject('ContentDocument').retrieve(first.ContentDocumentId);
    assert.deepEqual([document.Title, document.LatestPublishedVersionId], ['Offer, revised', id]);
    assert.deepEqual(await body('ContentVersion', version, 'VersionData'), small);
  });
  await check('files: links, by a filter only', async () => {
    const { records } = await conn.query(`SELECT ContentDocumentId, ShareType FROM ContentDocumentLink WHERE LinkedEntityId = '${account}'`);
    assert.equal(records.length, 1);
    assert.match(records[0].ContentDocumentId, /^069/);
  });
  await check('files: an attachment', async () => {
    const { id } = await conn.sobject('Attachment').create({ ParentId: account, Name: 'scan.txt', ContentType: 'text/plain', Body: small.toString('base64') });
    assert.deepEqual(await body('Attachment', id, 'Body'), small);
    assert.equal((await conn.sobject('Attachment').retrieve(id)).BodyLength, small.length);
  });
  await check('files: deleting the document deletes its versions', async () => {
    const { ContentDocumentId } = await conn.sobject('ContentVersion').retrieve(version);
    await conn.sobject('ContentDocument').destroy(ContentDocumentId);
    assert.equal((await conn.query(`SELECT Id FROM ContentVersion WHERE ContentDocumentId = '${ContentDocumentId}'`)).totalSize, 0);
  });
}
