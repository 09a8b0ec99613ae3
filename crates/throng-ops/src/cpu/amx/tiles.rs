//! AMX's matrix registers: whether they may be used, and what shapes they have.

use std::arch::asm;
use std::cell::Cell;
use std::sync::OnceLock;

/// Whether the machine has AMX with INT8 and bf16, and the system lets this process use it.
pub(crate) fn is_usable() -> bool {
    static USABLE: OnceLock<bool> = OnceLock::new();
    *USABLE.get_or_init(|| has_instructions() && is_permitted())
}

/// Leaf 7 of CPUID, EDX: bit 22 is AMX-BF16, 24 AMX-TILE, 25 AMX-INT8.
fn has_instructions() -> bool {
    const ALL: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    let leaves = std::arch::x86_64::__cpuid(0).eax;
    leaves >= 7 && std::arch::x86_64::__cpuid_count(7, 0).edx & ALL == ALL
}

/// Linux gives the registers' state to processes that ask for it.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and changes nothing but what the process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
}

/// Nobody knows how to ask.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// Rows of a register, and bytes of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// 1 to 16.
    pub rows: usize,
    /// A multiple of 4 up to 64.
    pub bytes: usize,
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

thread_local! {
    /// The shapes that this thread's registers have.
    static SHAPES: Cell<Option<[Shape; 8]>> = const { Cell::new(None) };
}

/// Gives this thread's registers 0, 1, 2, … their shapes, unless they have them. Shapes take as long
/// to give as a dozen products, so they stay until others come or [`release`] is called.
///
/// # Safety
/// [`is_usable`] is true.
pub(crate) unsafe fn shape(shapes: [Shape; 8]) {
    if SHAPES.get() == Some(shapes) {
        return;
    }
    let mut config =
        Config { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
    for (index, shape) in shapes.iter().enumerate() {
        config.rows[index] = shape.rows as u8;
        config.row_bytes[index] = shape.bytes as u16;
    }
    // SAFETY: the instruction is there as the caller promises, and reads the 64 bytes.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly),
             out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
             out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
    }
    SHAPES.set(Some(shapes));
}

/// Gives the registers back: the system saves what is in use when it switches threads, and an idle
/// thread should hold none.
pub(crate) fn release() {
    if SHAPES.take().is_some() {
        // SAFETY: whoever gave shapes had the instructions.
        unsafe {
            asm!("tilerelease", options(nostack, nomem),
                 out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                 out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn the_configuration_lies_as_the_instruction_reads_it() {
        assert_eq!(size_of::<Config>(), 64);
        assert_eq!(std::mem::offset_of!(Config, row_bytes), 16);
        assert_eq!(std::mem::offset_of!(Config, rows), 48);
    }
}
