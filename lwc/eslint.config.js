const { defineConfig } = require('eslint/config');
const js = require('@eslint/js');
const lwc = require('@salesforce/eslint-config-lwc/recommended');
const slds = require('@salesforce-ux/eslint-plugin-slds');
const globals = require('globals');

// A component can only import what the platform serves: other bundles and its own modules.
const platformOnly = {
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        { regex: '^(?!\\./|c/|lightning/|@salesforce/|lwc$)', message: 'The org does not serve this module.' }
      ]
    }
  ]
};

module.exports = defineConfig([
  { ignores: ['**/node_modules/**', 'harness/dist/**', 'package/**', 'coverage/**', 'faults/**'] },
  ...[slds.configs['flat/recommended-css'], slds.configs['flat/recommended-html']].flat().map((config) => ({
    ...config,
    ignores: ['harness/**']
  })),
  { files: ['harness/src/modules/**/*.js'], extends: [lwc], rules: { '@lwc/lwc/no-async-operation': 'off' } },
  { files: ['**/lwc/**/*.js'], ignores: ['**/__tests__/**'], extends: [lwc], rules: platformOnly },
  {
    files: ['**/__tests__/**/*.js', 'force-app/test/**/*.js'],
    extends: [lwc],
    rules: { '@lwc/lwc/no-unexpected-wire-adapter-usages': 'off' },
    languageOptions: { globals: { ...globals.node, ...globals.jest } }
  },
  {
    files: ['tools/**/*.mjs', 'harness/**/*.mjs', '*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { ...globals.node, ...globals.browser } }
  },
  {
    files: ['harness/src/*.js', 'harness/shims/**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: {
      sourceType: 'module',
      parserOptions: { ecmaVersion: 'latest' },
      globals: globals.browser
    }
  }
]);
