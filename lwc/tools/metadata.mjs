// Checks metadata files against Salesforce's own list of the members, and the enumerated values,
// of each metadata type.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { XMLParser } from 'fast-xml-parser';

const declarations = readFileSync(
  fileURLToPath(new URL('../node_modules/@salesforce/types/lib/metadata.d.ts', import.meta.url)),
  'utf8'
);
const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, ignoreDeclaration: true });

// A component's targets are typed by the platform's own schema for them, which the list does not have.
const UNTYPED = new Set(['targetConfigs']);

function membersOf(type) {
  const declared = new RegExp(`^export type ${type} = ([^{;]*)\\{([^}]*)\\};`, 'm').exec(declarations);
  if (!declared) return undefined;
  const members = new Map([['fullName', 'string']]);
  for (const [, name, of] of declared[2].matchAll(/^\s+(\w+)\??: ([^;]+);/gm))
    members.set(name, of.replace('[]', ''));
  return members;
}

function valuesOf(type) {
  const declared = new RegExp(`^export type ${type} = ('[^;]*);`, 'm').exec(declarations);
  return declared && [...declared[1].matchAll(/'([^']+)'/g)].map(([, value]) => value);
}

function check(node, type) {
  if (typeof node !== 'object') {
    const values = valuesOf(type);
    return values && !values.includes(node) ? [`${node} is no ${type}`] : [];
  }
  const members = membersOf(type);
  if (!members) return [`there is no metadata type ${type}`];
  return Object.entries(node).flatMap(([name, value]) => {
    if (!members.has(name)) return [`${type} has no member ${name}`];
    if (UNTYPED.has(name)) return [];
    return [value].flat().flatMap((each) => check(each, members.get(name)));
  });
}

/**
 * Lists what a metadata file holds that its type does not know.
 * @param {string} file the file
 * @returns {string[]} findings
 */
export function unknownMembers(file) {
  const [[type, root]] = Object.entries(parser.parse(readFileSync(file, 'utf8')));
  return typeof root === 'object' ? check(root, type) : [];
}
