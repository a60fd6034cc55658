const { jestConfig } = require('@salesforce/sfdx-lwc-jest/config');

module.exports = {
  ...jestConfig,
  setupFilesAfterEnv: [...(jestConfig.setupFilesAfterEnv ?? []), '<rootDir>/jest-sa11y-setup.js'],
  moduleNameMapper: {
    ...jestConfig.moduleNameMapper,
    '^lightning/modal$': '<rootDir>/force-app/test/jest-mocks/lightning/modal'
  },
  modulePathIgnorePatterns: ['<rootDir>/harness/', '<rootDir>/package/'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/harness/', '<rootDir>/faults/']
};
