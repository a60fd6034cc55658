// Queries SObjects by Bulk with jsforce, and writes their records to CSV files:
// node jsforce.mjs URL TOKEN FOLDER, with a line "SObject<TAB>SOQL" on standard
// input for each, several at a time.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';

const installed = createRequire(new URL('../../engine/simorg/testdata/jsforce/package.json', import.meta.url));
const jsforce = installed('jsforce');
const { Serializable } = installed('jsforce/lib/record-stream.js');

const atOnce = 3;
const [url, token, folder] = process.argv.slice(2);
const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '66.0' });
const todo = fs.readFileSync(0, 'utf8').trim().split('\n').map((line) => line.split('\t'));

const save = async ([object, soql]) => {
  const records = await conn.bulk2.query(soql, { scanAll: true, pollInterval: 200, pollTimeout: 600_000 });
  const csv = new Serializable();
  const file = pipeline(csv.stream('csv'), fs.createWriteStream(`${folder}/${object}.csv`));
  records.on('error', (err) => csv.destroy(err));
  records.on('record', () => {}); // only now does it parse
  records.pipe(csv);
  await file;
};

await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let next = todo.shift(); next; next = todo.shift()) await save(next);
  }),
);
