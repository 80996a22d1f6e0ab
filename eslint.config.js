// ESLint: strictTypeChecked for all sources; the size limits of the house; no clock, randomness or environment in pure folders.
import tseslint from 'typescript-eslint'
import tsdoc from 'eslint-plugin-tsdoc'

/** Globals that pure code must get as arguments (time and randomness come in from outside). */
const impure = [
  'process',
  'fetch',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'performance',
].map((name) => ({
  name,
  message: 'Pure code: pass it in as an argument.',
}))
const impureCalls = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'Pure code: pass the time in.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Pure code: pass the time in.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Pure code: pass randomness in.',
  },
]

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '**/vectors/**',
      '.dependency-cruiser.cjs',
      'eslint.config.js',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { tsdoc },
    rules: {
      'tsdoc/syntax': 'error',
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': ['error', { max: 80 }],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['engine/src/**', 'gateway/src/mail/policy/**', 'gateway/src/maps/**', 'contract/src/**'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', ...impure],
      'no-restricted-syntax': ['error', ...impureCalls],
    },
  },
  {
    // A table of cases is one function; node:test's calls return promises nobody awaits at the top level.
    files: ['**/*.test.ts', 'e2e/**', 'bench/**', 'scripts/**', 'tools/**'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  {
    // Programs whose output is the terminal.
    files: [
      'gateway/src/cli/**',
      'e2e/demo/**',
      'e2e/interop/main.ts',
      'bench/**',
      'scripts/**',
      'tools/exo-sim/src/cli/**',
      'tools/exo-sim/src/cli.ts',
    ],
    rules: { 'no-console': 'off' },
  },
)
