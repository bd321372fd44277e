//! What this machine is: the only place that asks the operating system.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind};
use tabagent_protocol::api::{Cpu, Memory, System};

/// Looks at the machine; takes some milliseconds of reading, so not for an async task. What the system does not say is
/// `unknown` or 0.
///
/// Graphics processors are left out: there is no portable way to ask for them without a vendor's library.
pub(super) fn look() -> System {
    let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = sysinfo::System::new_with_specifics(what).ok();
    let cpus = system.as_ref().map_or(&[][..], sysinfo::System::cpus);
    let memory = |ask: fn(&sysinfo::System) -> u64| system.as_ref().map_or(0, ask);
    System {
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: Cpu {
            model: cpus.first().map_or("unknown", |cpu| cpu.brand()).trim().to_owned(),
            cores: count(sysinfo::System::physical_core_count().unwrap_or(cpus.len())),
            threads: count(cpus.len()),
        },
        memory: Memory {
            total_bytes: memory(sysinfo::System::total_memory),
            available_bytes: memory(sysinfo::System::available_memory),
        },
        gpus: Vec::new(),
    }
}

/// Mebibytes of memory this process has; 0 where the system does not say.
pub(super) fn process_memory_mb() -> u64 {
    let (Ok(pid), Ok(mut system)) = (sysinfo::get_current_pid(), sysinfo::System::new()) else { return 0 };
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map_or(0, |process| process.memory() / (1024 * 1024))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_a_processor_and_memory() {
        let system = look();
        assert!(system.cpu.threads >= 1 && system.cpu.cores >= 1);
        assert!(system.memory.total_bytes >= system.memory.available_bytes);
        assert!(system.memory.total_bytes > 0 && !system.os.is_empty());
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(process_memory_mb() > 0);
    }
}
