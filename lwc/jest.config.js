const { jestConfig } = require('@salesforce/sfdx-lwc-jest/config');

module.exports = {
  ...jestConfig,
  setupFilesAfterEnv: [...(jestConfig.setupFilesAfterEnv ?? []), '<rootDir>/jest-sa11y-setup.js'],
  moduleNameMapper: {
    ...jestConfig.moduleNameMapper,
    // jsdom lays nothing out, and cannot read container queries.
    '^(\\./|c/)timeMachine\\w+(\\.css|Table)$': '<rootDir>/force-app/test/jest-mocks/styles.css',
    '^lightning/modal$': '<rootDir>/force-app/test/jest-mocks/lightning/modal'
  },
  modulePathIgnorePatterns: ['<rootDir>/harness/', '<rootDir>/package/'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/harness/', '<rootDir>/faults/']
};
