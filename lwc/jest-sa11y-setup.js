require('@sa11y/jest').registerSa11yMatcher();
