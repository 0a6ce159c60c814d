import tseslint from 'typescript-eslint';

// ESLint looks for mistakes; how code looks is prettier's business, and how it is named is the style guide's. What is
// switched off below flags taste, or sound code of a kind that this project is full of.
export default tseslint.config(
  { ignores: ['dist*/**', 'node_modules/**', 'src/gen/**', 'data/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['src/**/*.ts', 'workers/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      // Text that goes to a terminal is stripped of control characters by patterns that name them.
      'no-control-regex': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // A new fault or state must be met wherever they are told apart; over plain numbers `default` is enough.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Code points are what is wanted where a string is spread.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // The reason of an AbortSignal is unknown and has to be passed on as it is.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowThrowingAny: false }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // Takes a variable that a callback sets for constant: wrong just where things happen at the same time.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // On the wire an enum is any number; generated enums are compared with numbers and computed with.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      // With exact optional types, deleting is how an optional field is unset.
      '@typescript-eslint/no-dynamic-delete': 'off',
      // An implementation of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    // Bytes at an index that was just compared with the length: a check per byte would cost the hot path its speed.
    files: ['src/domain/**/*.ts', 'src/backup/**/*.ts', 'src/store/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['src/cli/**/*.ts', 'test/support/**/*.ts', 'test/bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // Tests look at what came back from outside, and say by their expectations what it is.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    files: ['.ci/**/*.mjs', '.eslint.config.js'],
    extends: [tseslint.configs.base],
    rules: { eqeqeq: 'error', '@typescript-eslint/no-unused-vars': 'error' },
  },
);
