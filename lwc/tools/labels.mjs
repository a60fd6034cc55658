// Custom labels as an object: what the harness puts in place of @salesforce/label.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = '../force-app/main/default/labels/CustomLabels.labels-meta.xml';
const entities = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&apos;': "'", '&quot;': '"' };

export function readLabels() {
  const xml = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), file), 'utf8');
  const labels = {};
  for (const [, block] of xml.matchAll(/<labels>([\s\S]*?)<\/labels>/g)) {
    const text = (tag) => new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(block)[1].trim();
    labels[text('fullName')] = text('value').replace(/&\w+;/g, (entity) => entities[entity]);
  }
  return labels;
}
