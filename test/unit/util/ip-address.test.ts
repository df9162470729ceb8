import { describe, expect, it } from 'vitest'
import {
  formatIpAddress,
  formatSubnet,
  parseIpAddress,
  parseSubnet,
} from '../../../src/util/index.ts'

describe('parseIpAddress', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::0:1', '2001:db8::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['fe80::', 'fe80::'],
    // IPv4 in IPv6's clothes must not get round a ban.
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('reads %s as %s', (text, wanted) => {
    const address = parseIpAddress(text)
    expect(address && formatIpAddress(address)).toBe(wanted)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'fe80::1%eth0',
    '::1.2.3',
    'localhost',
  ])('refuses %j', (text) => {
    expect(parseIpAddress(text)).toBeUndefined()
  })
})

describe('parseSubnet', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4/32'],
    ['1.2.3.4/24', '1.2.3.0/24'],
    ['1.2.3.4/255.255.0.0', '1.2.0.0/16'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['1.2.3.4/0.0.0.0', '0.0.0.0/0'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['::1', '::1/128'],
  ])('reads %s as %s', (text, wanted) => {
    const subnet = parseSubnet(text)
    expect(subnet && formatSubnet(subnet)).toBe(wanted)
  })

  it.each([
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/255.0.255.0',
    '1.2.3.4/8/8',
    '::1/129',
    '/8',
  ])('refuses %s', (text) => {
    expect(parseSubnet(text)).toBeUndefined()
  })
})
