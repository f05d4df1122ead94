/** Which addresses the open internet has; everything else belongs to this machine, this network or nobody. */
import { BlockList, isIP } from "node:net";

/** IANA's special-purpose registry for IPv4, and the one public address behind which a cloud keeps its machine's secrets. */
const PRIVATE_IPV4: readonly (readonly [net: string, prefix: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Within global unicast: tunnels that carry an IPv4 address of anybody's choice, and addresses for documentation. */
const SPECIAL_IPV6: readonly (readonly [net: string, prefix: number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const refused4 = new BlockList();
for (const [net, prefix] of PRIVATE_IPV4) refused4.addSubnet(net, prefix, "ipv4");
const refused6 = new BlockList();
for (const [net, prefix] of SPECIAL_IPV6) refused6.addSubnet(net, prefix, "ipv6");
/** Only this part of IPv6 is routed. Loopback, mapped, NAT64, private and link-local addresses are all outside of it. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");

/** True for an address (not a name) of the open internet, in the notation of `node:net`. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refused4.check(address, "ipv4");
    case 6:
      // A zone (`%eth0`) makes sense for link-local addresses only.
      return !address.includes("%") && global6.check(address, "ipv6") && !refused6.check(address, "ipv6");
    default:
      return false;
  }
}
