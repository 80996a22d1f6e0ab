/**
 * Which addresses are of the public Internet: where a stranger names the host, nothing inside our own network is connected to.
 */
import { BlockList, isIPv6 } from 'node:net'
import type { HostAddress } from './hosts.ts'

/** Addresses that are not of the public Internet. RFC 6890 2.2 */
const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['192.88.99.0', 24],
    ['224.0.0.0', 3],
  ] as const),
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ...([
    ['::', 96],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
  ] as const),
  ...([
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
    ['5f00::', 16],
    ['fc00::', 7],
    ['fec0::', 10],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const),
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6')

/** Whether a host that a stranger named may be connected to. A port of its own stands in the static table only: the operator wrote it. */
export function mayConnect({ address, port }: HostAddress): boolean {
  return port !== null || !PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
