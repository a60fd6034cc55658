// Writes the module that imports every custom label; `--check` fails when it is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readLabels } from './labels.mjs';

const file = fileURLToPath(
  new URL('../force-app/main/default/lwc/timeMachineLabels/timeMachineLabels.js', import.meta.url)
);
const names = Object.keys(readLabels());
const member = (name) => name.replace('TimeMachine_', '').replace(/^./, (first) => first.toLowerCase());

const source = `// Written by tools/write-labels.mjs from the custom labels.
${names.map((name) => `import ${member(name)}_ from '@salesforce/label/c.${name}';`).join('\n')}

/** Every text of Time Machine; placeholders such as {0} are filled by fill. */
export const label = {
${names.map((name) => `  ${member(name)}: ${member(name)}_`).join(',\n')}
};

/**
 * Fills the placeholders {0}, {1}, … of a label.
 * @param {string} text the label
 * @param {...*} values what to put in
 * @returns {string} the text
 */
export function fill(text, ...values) {
  return text.replace(/\\{(\\d)\\}/g, (_, place) => values[place] ?? '');
}
`;

if (!process.argv.includes('--check')) writeFileSync(file, source);
else if (readFileSync(file, 'utf8') !== source) {
  console.error('timeMachineLabels.js is out of date: run npm run labels');
  process.exit(1);
} else console.log(`labels: ${names.length} texts`);
