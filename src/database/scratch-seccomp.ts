/**
 * A filter of system calls for the sandbox (seccomp(2)), as the array of `struct sock_filter` that bwrap(1) reads. It
 * closes what namespaces leave open: sockets of families that have no namespace (such as vsock, which reaches the
 * hypervisor), new user namespaces, and parts of the kernel that a database server has no use for.
 */

/** Numbers of system calls; from the kernel's `unistd_64.h` and `asm-generic/unistd.h`. */
interface Architecture {
  /** `AUDIT_ARCH_…` */
  readonly audit: number;
  readonly socket: number;
  readonly clone: number;
  readonly denied: readonly number[];
}

// unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsmount open_by_handle_at keyctl add_key
// request_key bpf perf_event_open userfaultfd ptrace process_vm_readv process_vm_writev kexec_load kexec_file_load
// init_module finit_module delete_module io_uring_setup
const architectures: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    socket: 41,
    clone: 56,
    denied: [
      272, 308, 165, 166, 155, 161, 428, 429, 430, 432, 304, 250, 248, 249, 321, 298, 323, 101, 310, 311, 246, 320, 175,
      313, 176, 425,
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    socket: 198,
    clone: 220,
    denied: [
      97, 268, 40, 39, 41, 51, 428, 429, 430, 432, 265, 219, 217, 218, 280, 241, 282, 117, 270, 271, 104, 294, 105, 273,
      106, 425,
    ],
  },
};

const clone3 = 435;
const newUser = 0x1000_0000;
const unixFamily = 1;
const errors = { notPermitted: 1, noSuchCall: 38, noSuchFamily: 97 } as const;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const ifEqual = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value];
const ifAtLeast = (value: number, yes: number, no: number): Instruction => [0x35, yes, no, value];
const ifSet = (bits: number, yes: number, no: number): Instruction => [0x45, yes, no, bits];
const give = (value: number): Instruction => [0x06, 0, 0, value];
const allow = give(0x7fff_0000);
const refuse = (error: number) => give(0x0005_0000 | error);
const kill = give(0x8000_0000);

/** Offsets in `struct seccomp_data`. */
const at = { number: 0, architecture: 4, firstArgument: 16 } as const;

/** Null on an architecture whose numbers we do not know: the namespaces alone have to do there. */
export function systemCallFilter(architecture: string = process.arch): Buffer | null {
  const known = architectures[architecture];
  if (known === undefined) return null;
  const program: Instruction[] = [
    load(at.architecture),
    ifEqual(known.audit, 1, 0),
    kill,
    load(at.number),
    // The x32 calls of x86-64 have numbers of their own.
    ifAtLeast(0x4000_0000, 0, 1),
    refuse(errors.notPermitted),
    ...known.denied.flatMap((number) => [ifEqual(number, 0, 1), refuse(errors.notPermitted)]),
    // Its flags cannot be seen by a filter; the C library falls back to clone.
    ifEqual(clone3, 0, 1),
    refuse(errors.noSuchCall),
    ifEqual(known.clone, 0, 4),
    load(at.firstArgument),
    ifSet(newUser, 0, 1),
    refuse(errors.notPermitted),
    allow,
    ifEqual(known.socket, 0, 3),
    load(at.firstArgument),
    ifEqual(unixFamily, 1, 0),
    refuse(errors.noSuchFamily),
    allow,
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, yes, no, k]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(yes, index * 8 + 2);
    bytes.writeUInt8(no, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}
