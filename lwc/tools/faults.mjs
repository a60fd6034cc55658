// Proves each gate: on its planted fault it must fail, and for the planted reason.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasJava } from './java.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (name) => path.join(root, 'node_modules/.bin', name);
const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-faults-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

const apex = (gate) => ['node', 'tools/apex-check.mjs', gate, `faults/${gate}`];
const java = hasJava();

/** The gates: name, command, what each planted fault makes it say. */
const GATES = [
  [
    'prettier',
    [bin('prettier'), '--check', '--ignore-path', '.forceignore', 'faults/prettier'],
    [/Untidy\.cls/, /untidy\.js/]
  ],
  [
    'eslint',
    [bin('eslint'), '--no-ignore', 'faults/eslint'],
    [/no-restricted-imports/, /no-document-query|no-inner-html/]
  ],
  ['jest', [bin('jest'), '--config', 'faults/jest/jest.config.js'], [/accessib[^]*label/i]],
  ['platform compiler', ['node', 'tools/platform-compile.mjs', 'faults/compiler'], [/flagged/, /hash/]],
  ['apex syntax', apex('syntax'), [/Broken\.cls:4/]],
  ['apex types', apex('types'), [/NoSuchField/, /getNoSuchMethod/], java],
  ['pmd', apex('pmd'), [/ApexSOQLInjection/, /ApexSharingViolations/], java],
  [
    'package',
    ['node', 'tools/package.mjs', 'faults/package', path.join(scratch, 'package')],
    [/no ApexClass NoSuchClass/, /no member calloutStatuss/, /NoSuchType is no NamedCredentialType/]
  ]
];

let failed = 0;
for (const [name, [command, ...args], reasons, possible = true] of GATES) {
  if (!possible) continue;
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const missed = reasons.filter((reason) => !reason.test(stdout + stderr));
  if (status !== 0 && missed.length === 0) {
    console.log(`refused as planted: ${name}`);
    continue;
  }
  failed += 1;
  console.error(`${name} ended with ${status} and did not say ${missed.join(', ')}\n${stdout}${stderr}`);
}
console.log(`faults: ${GATES.length - failed} of ${GATES.length} gates refuse theirs`);
process.exit(failed ? 1 : 0);
