const config = require('../../jest.config');

module.exports = { ...config, rootDir: '../..', roots: ['<rootDir>/faults/jest'], testPathIgnorePatterns: ['/node_modules/'] };
