/**
 * A header section as Exchange writes it: 60 fields, long, folded, doubled, `X-MS-Exchange-*` and non-ASCII, each with its line ends.
 */

/** Fields as Exchange writes them, each with its line ends. */
export function exchangeFields(messageId: string, from: string, to: string): string[] {
  const long = `X-Microsoft-Antispam-Message-Info: ${Array.from({ length: 40 }, (_, index) => `${String(index).padStart(3, '0')}${'A'.repeat(70)}`).join('\r\n\t')}\r\n`
  const many = Array.from(
    { length: 24 },
    (_, index) => `X-MS-Exchange-Custom-${index}: value ${index};\r\n\tfolded=${index}\r\n`,
  )
  return [
    `From: =?utf-8?Q?Alice_M=C3=BCller?= <${from}>\r\n`,
    `To: "Bob, B." <${to}>\r\n`,
    `Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?utf-8?B?w6TDtsO8?=\r\n`,
    `Thread-Topic: =?utf-8?B?R3LDvMOfZQ==?=\r\n`,
    `Thread-Index: AdjXYZ==\r\n`,
    `Date: Tue, 24 Nov 2026 09:00:00 +0100\r\n`,
    `Message-ID: ${messageId}\r\n`,
    `References: <a@b>\r\n <c@d>\r\n\t<e@f>\r\n`,
    `In-Reply-To: <e@f>\r\n`,
    `Accept-Language: de-DE, en-US\r\n`,
    `X-MS-Has-Attach: yes\r\n`,
    `X-MS-TNEF-Correlator:\r\n`,
    `x-ms-exchange-senderadcheck: 1\r\n`,
    `msip_labels: MSIP_Label_${'0123456789abcdef'.repeat(60)}_Enabled=True;\r\n`,
    `X-Doubled: one\r\n`,
    `X-Doubled: two\r\n`,
    `x-DOUBLED: three\r\n`,
    `X-Empty:\r\n`,
    `X-Spaces:    kept   as   they are   \r\n`,
    `X-Non-Ascii: Gr\u00fc\u00dfe \u2013 \u65e5\u672c\r\n`,
    `X-No-Space:value\r\n`,
    `X-Only-Folded:\r\n  value on the second line\r\n`,
    `Received: from a.example by b.example with ESMTP id 1; Tue, 24 Nov 2026 08:59:00 +0100\r\n`,
    `X-Long-Line: ${'0123456789'.repeat(300)}\r\n`,
    `X-Classification: intern\r\n`,
    `X-Mailer: Microsoft Outlook 16.0\r\n`,
    `Importance: high\r\n`,
    `X-Priority: 1\r\n`,
    `Sensitivity: private\r\n`,
    `List-Unsubscribe: <mailto:u@list.example>\r\n`,
    `Comments: last but one\r\n`,
    long,
    ...many,
  ]
}

/** The content fields that go with it. */
export const CONTENT =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-Language: de-DE\r\n'
