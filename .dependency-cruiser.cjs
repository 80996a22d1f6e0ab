// Who may import whom. Every rule has a planted violation in scripts/architecture.test.ts that sees it fire.
const G = '^gateway/src/'
/** Tests, and what only they use. */
const TEST = '([.]test[.]tsx?|/testing/[^/]+[.]ts)$'
const ban = (name, from, to) => ({ name, severity: 'error', from, to })

module.exports = {
  forbidden: [
    ban('no-cycles', {}, { circular: true }),
    ban('no-unresolved', {}, { couldNotResolve: true }),
    ban(
      'no-production-to-test',
      { pathNot: [TEST, '^e2e/', '^bench/'] },
      { path: [TEST, '^e2e/', '^bench/'] },
    ),
    ban(
      'engine-does-no-io',
      { path: '^engine/src/', pathNot: TEST },
      { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    ),
    ban(
      'engine-stands-alone',
      { path: '^engine/src/', pathNot: TEST },
      { path: '^(gateway|contract|web|tools|node_modules)/' },
    ),
    ban(
      'engine-layer-bytes',
      { path: '^engine/src/bytes/' },
      { path: '^engine/src/(der|x509|pkcs|cms|mime|smime)/' },
    ),
    ban(
      'engine-layer-der',
      { path: '^engine/src/der/' },
      { path: '^engine/src/(x509|pkcs|cms|mime|smime)/' },
    ),
    ban('engine-layer-x509', { path: '^engine/src/x509/' }, { path: '^engine/src/(pkcs|cms|mime|smime)/' }),
    ban('engine-layer-pkcs', { path: '^engine/src/pkcs/' }, { path: '^engine/src/(cms|mime|smime)/' }),
    ban('engine-layer-cms', { path: '^engine/src/cms/' }, { path: '^engine/src/(mime|smime)/' }),
    ban(
      'engine-layer-mime',
      { path: '^engine/src/mime/' },
      { path: '^engine/src/(der|x509|pkcs|cms|smime)/' },
    ),
    ban(
      'front-door-only',
      { path: '^(engine|contract|gateway|web|tools/[^/]+)/' },
      {
        path: '^(engine|contract|gateway|web|tools/[^/]+)/src/',
        pathNot: ['^$1/', '^[^/]+/src/index[.]tsx?$'],
      },
    ),
    ban('contract-is-a-leaf', { path: '^contract/src/' }, { path: '^(engine|gateway|web|tools)/' }),
    ban('web-sees-contract-only', { path: '^web/src/' }, { path: '^(engine|gateway|tools)/' }),
    ban('simulator-is-a-stranger', { path: '^tools/' }, { path: '^(engine|contract|gateway|web)/' }),
    ban('nobody-ships-a-tool', { path: '^(engine|contract|gateway|web)/' }, { path: '^tools/' }),
    ban(
      'steps-are-strangers',
      { path: G + 'mail/([^/]+)/', pathNot: G + 'mail/journey/' },
      { path: G + 'mail/[^/]+/', pathNot: G + 'mail/$1/' },
    ),
    ban(
      'journey-is-driven-by-main',
      { path: G, pathNot: [G + '(main|parts)[.]ts$', TEST] },
      { path: G + 'mail/journey[.]ts$' },
    ),
    ban(
      'journey-is-one',
      { path: G, pathNot: [G + 'mail/journey(/|[.]ts$)', TEST] },
      { path: G + 'mail/journey/' },
    ),
    ban(
      'mail-knows-no-surface',
      { path: G + '(mail|smtp|keyring|trust|exchange)/', pathNot: TEST },
      { path: G + '(admin|cli|store|main|parts)' },
    ),
    ban(
      'authentication-is-plugged-in-by-main',
      { path: G, pathNot: [G + 'authentication/', G + 'main[.]ts$', TEST] },
      { path: G + 'authentication/' },
    ),
    ban(
      'authentication-knows-nouns-only',
      { path: G + 'authentication/', pathNot: TEST },
      { path: G + '(?!(authentication/|dns/|mail/[^/]+[.]ts$))' },
    ),
    ban(
      'authentication-asks-no-journey',
      { path: G + 'authentication/', pathNot: TEST },
      { path: G + 'mail/(journey|turn)[.]ts$' },
    ),
    ban(
      'mail-is-judged-in-one-place',
      { path: '^(engine|contract|gateway)/src/', pathNot: [G + 'authentication/', TEST] },
      { path: '^node_modules/mailauth/', pathNot: '/lib/mta-sts[.]' },
    ),
    ban(
      'acme-stands-alone',
      { path: G + 'acme/', pathNot: TEST },
      { path: ['^contract/', G + '(?!(acme|observe)/)'] },
    ),
    ban(
      'acme-is-driven-by-identity',
      { path: G, pathNot: [G + '(acme|identity)/', G + 'main[.]ts$', TEST] },
      { path: G + 'acme/' },
    ),
    ban(
      'identity-knows-no-path',
      { path: G + 'identity/', pathNot: TEST },
      { path: G + '(mail/[^/]+/|mail/journey|exchange|keyring|store|cli|admin|main|parts)' },
    ),
    ban(
      'finding-is-plugged-in-by-main',
      { path: G, pathNot: [G + '(keyring/find|cli)/', G + '(main|parts)[.]ts$', TEST] },
      { path: G + 'keyring/find/', dependencyTypesNot: ['type-only'] },
    ),
    ban('directory-stands-alone', { path: G + 'directory/', pathNot: TEST }, { path: G + '(?!directory/)' }),
    ban('keys-know-no-mail', { path: G + '(keyring|trust)/' }, { path: G + 'mail/' }),
    ban(
      'surfaces-see-queue-policy-and-keys',
      { path: G + 'admin/' },
      { path: G + '(mail/(inbound|outbound|treatment|notices)|store|cli|smtp)' },
    ),
    ban(
      'cli-drives-no-mail',
      { path: G + 'cli/' },
      { path: G + 'mail/(inbound|outbound|treatment|notices)/' },
    ),
    ban(
      'store-is-plugged-in-by-main',
      { path: G, pathNot: [G + '(store|cli)/', G + 'main[.]ts$', TEST] },
      { path: G + 'store/' },
    ),
    ban(
      'store-knows-types-only',
      { path: G + 'store/', pathNot: TEST },
      { path: G + '(mail|keyring|trust|exchange|identity|acme|admin)/', dependencyTypesNot: ['type-only'] },
    ),
    ban(
      'sql-only-in-store',
      { path: G, pathNot: [G + 'store/', TEST] },
      { path: ['^node_modules/(pg|better-sqlite3|kysely)/', '^(node:)?sqlite$'] },
    ),
    ban(
      'sockets',
      {
        path: '^(engine|contract|gateway)/src/',
        pathNot: [
          G +
            '(mail/inbound|mail/outbound|trust|exchange/assist|exchange/endpoints|keyring/find|dns|acme|tls-reports|admin|cli)/',
          G + '(main|parts)[.]ts$',
          TEST,
        ],
      },
      { dependencyTypes: ['core'], path: '^(node:)?(net|tls|http|https|http2|dgram|dns)(/|$)' },
    ),
    ban(
      'files',
      {
        path: '^(engine|contract|gateway)/src/',
        pathNot: [G + '(config|store|cli)/', G + 'main[.]ts$', TEST],
      },
      { dependencyTypes: ['core'], path: '^(node:)?fs(/|$)' },
    ),
    ban(
      'no-subprocess',
      { path: '^(engine|contract|gateway)/src/', pathNot: [G + 'acme/dns-command[.]ts$', TEST] },
      { dependencyTypes: ['core'], path: '^(node:)?(child_process|vm)$' },
    ),
    ban(
      'cluster-only-in-main',
      { path: G, pathNot: [G + 'main[.]ts$', TEST] },
      { dependencyTypes: ['core'], path: '^(node:)?cluster$' },
    ),
    ban(
      'threads-only-in-sqlite',
      { path: G, pathNot: [G + 'store/sqlite/', TEST] },
      { dependencyTypes: ['core'], path: '^(node:)?worker_threads$' },
    ),
    ban(
      'leaves',
      { path: G + '(smtp|observe|maps|dns)/', pathNot: TEST },
      { path: G + '(?!(smtp|observe|config|maps|dns)/)' },
    ),
    ban('maps-are-pure', { path: G + 'maps/', pathNot: TEST }, { path: G + '(?!maps/)' }),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
}
