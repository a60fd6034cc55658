// Apex without an org: syntax (apex-parser), types, methods and fields (apex-ls),
// security and style (PMD). Usage: node tools/apex-check.mjs syntax|types|pmd [project folder]
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasJava } from './java.mjs';

const require = createRequire(import.meta.url);
const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [gate, project = here] = process.argv.slice(2);
const root = path.resolve(project);

async function syntax() {
  const { ApexParserFactory, ApexErrorListener } = await import('@apexdevtools/apex-parser');
  const findings = [];
  class Collector extends ApexErrorListener {
    constructor(file) {
      super();
      this.file = file;
    }
    apexSyntaxError(line, column, message) {
      findings.push(`${path.relative(root, this.file)}:${line}:${column} ${message}`);
    }
  }
  for (const file of classes()) {
    ApexParserFactory.createLexerAndParser(
      readFileSync(file, 'utf8'),
      new Collector(file)
    ).parser.compilationUnit();
  }
  return findings;
}

function types() {
  const jars = path.join(
    require.resolve('@salesforce/code-analyzer-pmd-engine/package.json'),
    '../dist/java-lib/*'
  );
  const main = 'io.github.apexdevtools.apexls.CheckForIssues';
  const run = spawnSync('java', ['-cp', jars, main, '-n', '-d', 'warnings', '-w', root], {
    encoding: 'utf8'
  });
  if (run.status === 0) return [];
  return [(run.stdout + run.stderr).trim()];
}

async function pmd() {
  const { CodeAnalyzer, CodeAnalyzerConfig } = await import('@salesforce/code-analyzer-core');
  const { PmdCpdEnginesPlugin } = await import('@salesforce/code-analyzer-pmd-engine');
  const analyzer = new CodeAnalyzer(CodeAnalyzerConfig.withDefaults());
  await analyzer.addEnginePlugin(new PmdCpdEnginesPlugin());
  const workspace = await analyzer.createWorkspace([path.join(root, 'force-app')]);
  const rules = await analyzer.selectRules(['pmd:Recommended'], { workspace });
  if (rules.getCount() < 40) return [`PMD knows only ${rules.getCount()} rules`];
  const results = await analyzer.run(rules, { workspace });
  return results.getViolations().map((violation) => {
    const at = violation.getPrimaryLocation();
    const file = path.relative(root, at.getFile() ?? '');
    return `${file}:${at.getStartLine()} ${violation.getRule().getName()}: ${violation.getMessage()}`;
  });
}

function classes() {
  return readdirSync(path.join(root, 'force-app'), { recursive: true })
    .filter((file) => file.endsWith('.cls'))
    .map((file) => path.join(root, 'force-app', file));
}

if (gate !== 'syntax' && !hasJava()) process.exit(0);
const findings = await { syntax, types, pmd }[gate]();
findings.forEach((finding) => console.error(finding));
console.log(`apex ${gate}: ${classes().length} classes, ${findings.length} findings`);
process.exit(findings.length ? 1 : 0);
