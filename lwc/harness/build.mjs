// Builds the harness page: the components' source, unchanged, with Salesforce's own base
// components and design system. The result holds code under Salesforce's terms: it is built
// on the user's machine and neither committed nor released.
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import lwc from '@lwc/rollup-plugin';
import replace from '@rollup/plugin-replace';
import { transform } from 'esbuild';
import { rollup } from 'rollup';
import { readLabels } from '../tools/labels.mjs';

const require = createRequire(import.meta.url);
const here = path.dirname(fileURLToPath(import.meta.url));
const components = path.join(here, '../force-app/main/default/lwc');
const base = path.dirname(require.resolve('lightning-base-components/package.json'));
const icon = /\b(?:action|custom|doctype|standard|utility):([a-z0-9_]+)/g;

const alias = (namespace, folder) =>
  readdirSync(folder).map((name) => {
    const module = path.join(folder, name, name);
    return {
      name: `${namespace}/${name}`,
      path: existsSync(`${module}.js`) ? `${module}.js` : `${module}.css`
    };
  });

/** What the platform serves under @salesforce: labels from the project's file, Apex over HTTP, the browser's zone. */
function platform() {
  const labels = readLabels();
  const sources = {
    label: (name) => JSON.stringify(labels[name.slice('c.'.length)]),
    apex: (name) => `(parameters) => apex(${JSON.stringify(name)}, parameters)`,
    client: (name) => (name === 'formFactor' ? "window.innerWidth < 480 ? 'Small' : 'Large'" : undefined),
    i18n: (name) =>
      ({
        locale: 'navigator.language',
        timeZone: 'Intl.DateTimeFormat().resolvedOptions().timeZone',
        currency: "'EUR'"
      })[name]
  };
  return {
    name: 'platform',
    resolveId: (id, importer) =>
      id.startsWith('@salesforce/') && !importer?.startsWith(base) ? `\0${id}` : undefined,
    load(id) {
      const [, kind, name] = /^\0@salesforce\/(\w+)\/(.+)$/.exec(id) ?? [];
      if (!kind) return undefined;
      const value = sources[kind]?.(name);
      if (value === undefined) this.error(`The harness has no ${id.slice(1)}.`);
      const apex =
        kind === 'apex' ? `import { apex } from ${JSON.stringify(path.join(here, 'src/wire.js'))};` : '';
      return `${apex}export default ${value};`;
    }
  };
}

/** Every icon is a template in the package; only those that somebody names are worth their weight. */
function usedIcons() {
  const used = new Set(['error', 'success', 'warning', 'info']);
  for (const folder of [components, path.join(here, 'src'), path.join(base, 'src/lightning')]) {
    for (const file of readdirSync(folder, { recursive: true })) {
      if (!/\.(js|html)$/.test(file) || file.includes('iconSvgTemplates')) continue;
      for (const [, name] of readFileSync(path.join(folder, file), 'utf8').matchAll(icon)) used.add(name);
    }
  }
  const imported = /import \{ default as (\w+?)_(\w+) \} from '(.+?)';/g;
  return {
    name: 'used-icons',
    transform(code, id) {
      if (!/iconSvgTemplates\w*\/buildTemplates\/templates\.js$/.test(id)) return undefined;
      const kept = [...code.matchAll(imported)].filter(([, , name]) => used.has(name));
      const imports = kept.map(([statement]) => statement).join('\n');
      const names = kept.map(([, category, name]) => `${category}_${name}`).join(', ');
      return { code: `${imports}\nexport default { ${names} };`, map: null };
    }
  };
}

const minify = {
  name: 'minify',
  renderChunk: async (code) => ({
    code: (await transform(code, { minify: true, format: 'esm' })).code,
    map: null
  })
};

/**
 * Builds the page into a folder.
 * @param {string} out the folder
 */
export async function build(out = path.join(here, 'dist')) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const bundle = await rollup({
    input: path.join(here, 'src/main.js'),
    plugins: [
      platform(),
      usedIcons(),
      lwc({
        rootDir: path.join(here, 'src/modules'),
        apiVersion: 66,
        enableDynamicComponents: true,
        enableSyntheticElementInternals: true,
        modules: [
          ...alias('lightning', path.join(here, 'shims/lightning')),
          ...alias('c', components),
          ...alias('page', path.join(here, 'src/modules/page')),
          { npm: 'lightning-base-components' }
        ]
      }),
      replace({
        preventAssignment: true,
        values: { 'process.env.NODE_ENV': JSON.stringify('production'), 'import.meta.env.SSR': 'false' }
      }),
      minify
    ],
    onwarn: refuse
  });
  await bundle.write({ dir: out, format: 'esm', chunkFileNames: '[name].js' });
  await bundle.close();
  copyFileSync(path.join(here, 'src/index.html'), path.join(out, 'index.html'));
  const slds = '@salesforce-ux/design-system/assets/styles/salesforce-lightning-design-system.min.css';
  copyFileSync(require.resolve(slds), path.join(out, 'slds.css'));
}

// The base components compile with warnings that are theirs; what is missing, or ours, ends the build.
function refuse(warning) {
  const ours = !(warning.id ?? warning.loc?.file ?? '').includes('node_modules');
  if (warning.code === 'UNRESOLVED_IMPORT' || warning.code === 'MISSING_EXPORT')
    throw new Error(warning.message);
  if (ours && warning.code === 'PLUGIN_WARNING') throw new Error(warning.message);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const started = Date.now();
  await build();
  console.log(`harness: built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
