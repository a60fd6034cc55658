import assert from 'node:assert/strict';
import JSZip from 'jszip';
import { check, org, refusal } from '../harness.mjs';

const ns = 'http://soap.sforce.com/2006/04/metadata';
const manifest = (types) =>
  `<?xml version="1.0" encoding="UTF-8"?><Package xmlns="${ns}">` +
  Object.entries(types).map(([name, members]) => `<types>${members.map((m) => `<members>${m}</members>`).join('')}<name>${name}</name></types>`).join('') +
  `<version>${org.version}</version></Package>`;
const field = (required) =>
  `<?xml version="1.0" encoding="UTF-8"?><CustomObject xmlns="${ns}"><fields><fullName>Depth__c</fullName><label>Depth</label>` +
  `<length>20</length><required>${required}</required><type>Text</type><unique>false</unique></fields></CustomObject>`;

function zip(files) {
  const archive = new JSZip();
  for (const [path, text] of Object.entries(files)) archive.file(path, text);
  return archive.generateAsync({ type: 'nodebuffer' });
}

export default async function run(conn) {
  conn.metadata.pollInterval = 200;
  conn.metadata.pollTimeout = 60_000;
  const gauge = async () => Object.fromEntries((await conn.describe('Gauge__c')).fields.map((f) => [f.name, f]));
  const deploy = async (files) => conn.metadata.deploy(await zip(files), { singlePackage: true, rollbackOnError: true }).complete(true);
  const deployField = (required) =>
    deploy({ 'package.xml': manifest({ CustomField: ['Gauge__c.Depth__c'] }), 'objects/Gauge__c.object': field(required) });
  const destroy = (members) => deploy({ 'package.xml': manifest({}), 'destructiveChanges.xml': manifest(members) });

  await check('metadata: describe', async () => {
    const { metadataObjects } = await conn.metadata.describe();
    const types = Object.fromEntries(metadataObjects.map((m) => [m.xmlName, m]));
    assert.deepEqual([types.CustomObject.directoryName, types.CustomObject.suffix], ['objects', 'object']);
    assert.ok([types.CustomObject.childXmlNames].flat().includes('CustomField'));
    assert.ok([types.CustomObject.childXmlNames].flat().includes('ValidationRule'));
  });
  await check('metadata: list', async () => {
    const list = await conn.metadata.list([{ type: 'CustomObject' }, { type: 'ValidationRule' }]);
    const files = Object.fromEntries(list.map((f) => [`${f.type}:${f.fullName}`, f]));
    assert.equal(files['CustomObject:Gauge__c'].fileName, 'objects/Gauge__c.object');
    assert.ok(files['CustomObject:Account']);
    assert.ok(files['ValidationRule:Gauge__c.Count_Not_Negative']);
    assert.match(files['CustomObject:Gauge__c'].lastModifiedDate, /^\d{4}-\d\d-\d\dT/);
  });
  await check('metadata: four queries in one list are refused', async () => {
    await refusal(() => conn.metadata.list(['CustomObject', 'ValidationRule', 'Flow', 'ApexClass'].map((type) => ({ type }))));
  });
  await check('metadata: read', async () => {
    const object = await conn.metadata.read('CustomObject', 'Gauge__c');
    assert.equal(object.fullName, 'Gauge__c');
    assert.equal(object.label, 'Gauge');
    const code = [object.fields].flat().find((f) => f.fullName === 'Code__c');
    assert.deepEqual([code.type, String(code.length), String(code.externalId), String(code.unique)], ['Text', '40', 'true', 'true']);
  });
  await check('metadata: read gives profiles whole, a retrieve what concerns its components', async () => {
    const permission = (name, editable) => `<fieldPermissions><editable>${editable}</editable><field>${name}</field><readable>true</readable></fieldPermissions>`;
    const body = `<custom>true</custom>${permission('Gauge__c.Code__c', true)}${permission('Account.Phone', false)}<userLicense>Salesforce</userLicense>`;
    const text = (root) => `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="${ns}">${body}</${root}>`;
    const deployed = await deploy({
      'package.xml': manifest({ Profile: ['Fitter'], PermissionSet: ['Fitting'] }),
      'profiles/Fitter.profile': text('Profile'),
      'permissionsets/Fitting.permissionset': text('PermissionSet').replace('<custom>true</custom>', '<label>Fitting</label>').replace(/<userLicense>.*<.userLicense>/, ''),
    });
    assert.equal(deployed.status, 'Succeeded', JSON.stringify(deployed.details));
    const [profile, missing] = await conn.metadata.read('Profile', ['Fitter', 'Nonesuch']);
    assert.deepEqual(
      profile.fieldPermissions.map((f) => [f.field, String(f.editable), String(f.readable)]),
      [['Gauge__c.Code__c', 'true', 'true'], ['Account.Phone', 'false', 'true']],
    );
    assert.equal(profile.userLicense, 'Salesforce');
    assert.equal(missing?.fullName, undefined);
    await refusal(() => conn.metadata.read('Profile', Array.from({ length: 11 }, (_, i) => `P${i}`)));
    const retrieve = async (more) => {
      const types = Object.entries({ Profile: ['Fitter'], PermissionSet: ['Fitting'], ...more }).map(([name, members]) => ({ members, name }));
      const result = await conn.metadata.retrieve({ apiVersion: org.version, singlePackage: true, unpackaged: { types, version: org.version } }).complete();
      const { files } = await JSZip.loadAsync(result.zipFile, { base64: true });
      const read = async (end) => [...(await files[Object.keys(files).find((p) => p.endsWith(end))].async('string')).matchAll(/<field>(.*?)<.field>/g)].map((m) => m[1]);
      return [await read('Fitter.profile'), await read('Fitting.permissionset')];
    };
    const whole = ['Gauge__c.Code__c', 'Account.Phone'];
    assert.deepEqual(await retrieve({}), [[], whole]);
    assert.deepEqual(await retrieve({ CustomObject: ['Gauge__c'] }), [['Gauge__c.Code__c'], whole]);
    assert.deepEqual(await retrieve({ CustomField: ['Account.Phone'] }), [['Account.Phone'], whole]);
  });
  await check('metadata: retrieve', async () => {
    const result = await conn.metadata
      .retrieve({ apiVersion: org.version, singlePackage: true, unpackaged: { types: [{ members: ['Gauge__c'], name: 'CustomObject' }], version: org.version } })
      .complete();
    assert.equal(String(result.success), 'true', JSON.stringify(result));
    const archive = await JSZip.loadAsync(result.zipFile, { base64: true });
    const path = Object.keys(archive.files).find((p) => p.endsWith('objects/Gauge__c.object'));
    assert.ok(path, Object.keys(archive.files).join());
    const xml = await archive.file(path).async('string');
    assert.ok(xml.includes('<fullName>Code__c</fullName>') && xml.includes('<fullName>Count_Not_Negative</fullName>'));
    assert.ok(Object.keys(archive.files).some((p) => p.endsWith('package.xml')));
  });
  await check('metadata: a deployed field is described, written and queried', async () => {
    const result = await deployField(false);
    assert.equal(result.status, 'Succeeded', JSON.stringify(result.details));
    const { Depth__c } = await gauge();
    assert.deepEqual([Depth__c.type, Depth__c.length, Depth__c.nillable], ['string', 20, true]);
    const { id } = await conn.sobject('Gauge__c').create({ Name: 'Deep', Depth__c: '20 m' });
    assert.equal((await conn.query(`SELECT Depth__c FROM Gauge__c WHERE Id = '${id}'`)).records[0].Depth__c, '20 m');
  });
  await check('metadata: made required, it is', async () => {
    assert.equal((await deployField(true)).status, 'Succeeded');
    assert.equal((await gauge()).Depth__c.nillable, false);
    const err = await refusal(() => conn.sobject('Gauge__c').create({ Name: 'Shallow' }));
    assert.equal(err.errorCode, 'REQUIRED_FIELD_MISSING');
  });
  await check('metadata: a check-only deploy changes nothing', async () => {
    const bytes = await zip({ 'package.xml': manifest({ CustomField: ['Gauge__c.Depth__c'] }), 'objects/Gauge__c.object': field(false) });
    const result = await conn.metadata.deploy(bytes, { singlePackage: true, rollbackOnError: true, checkOnly: true }).complete(true);
    assert.equal(result.status, 'Succeeded');
    assert.equal((await gauge()).Depth__c.nillable, false);
  });
  await check('metadata: removed, it is gone', async () => {
    const result = await destroy({ CustomField: ['Gauge__c.Depth__c'] });
    assert.equal(result.status, 'Succeeded', JSON.stringify(result.details));
    assert.equal((await gauge()).Depth__c, undefined);
    const err = await refusal(() => conn.query('SELECT Depth__c FROM Gauge__c'));
    assert.equal(err.errorCode, 'INVALID_FIELD');
    assert.equal((await conn.sobject('Gauge__c').create({ Name: 'Flat' })).success, true);
  });
  await check('metadata: a component that is wrong fails the deploy', async () => {
    const result = await deploy({
      'package.xml': manifest({ CustomField: ['Nonesuch__c.Depth__c'] }),
      'objects/Nonesuch__c.object': field(false),
    });
    assert.equal(result.status, 'Failed');
    assert.ok([result.details.componentFailures].flat().some((f) => f.problem), JSON.stringify(result.details));
  });
  await check('metadata: deploy over REST', async () => {
    const bytes = await zip({ 'package.xml': manifest({ CustomField: ['Gauge__c.Depth__c'] }), 'objects/Gauge__c.object': field(false) });
    const { id } = await conn.metadata.deployRest(bytes, { singlePackage: true, rollbackOnError: true });
    let result;
    do {
      result = await conn.metadata.checkDeployStatus(id, true, true);
    } while (!result.done);
    assert.equal(result.status, 'Succeeded');
    assert.ok((await gauge()).Depth__c);
    assert.equal((await destroy({ CustomField: ['Gauge__c.Depth__c'] })).status, 'Succeeded');
  });
}
