//! What this machine is: the only place that asks the operating system.
//!
//! Everything here reads files or asks the system for some milliseconds, so async tasks go through [`ask`]. What the system
//! does not say is `unknown` or 0.

/// How busy the processors are.
mod cpu;
/// Graphics processors.
mod graphics;

pub(super) use cpu::CpuMeter;
pub(super) use graphics::Graphics;

use std::path::Path;

use sysinfo::{CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind};
use tabagent_protocol::{
    Code, Fault,
    api::{Cpu, Gpu, HardwareCpu, Memory, System},
};
use tokio::task::spawn_blocking;

/// Bytes of what is called a MB here.
pub(super) const MB: u64 = 1024 * 1024;

/// Looks at the machine from an async task.
pub(super) async fn ask<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let looked = spawn_blocking(look).await;
    looked.map_err(|error| Fault::new(Code::INTERNAL, format!("the machine could not be read: {error}")))
}

/// The machine as `system_info` describes it.
pub(super) fn look() -> System {
    let HardwareCpu { model_name, cores, threads, architecture, .. } = processor();
    System {
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        arch: architecture,
        cpu: Cpu { model: model_name, cores, threads },
        memory: memory(),
        gpus: Graphics::all().iter().map(Gpu::from).collect(),
    }
}

/// The processor.
pub(super) fn processor() -> HardwareCpu {
    let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = sysinfo::System::new_with_specifics(what).ok();
    let cpus = system.as_ref().map_or(&[][..], sysinfo::System::cpus);
    let named = |name: fn(&sysinfo::Cpu) -> &str| {
        cpus.first().map(|cpu| name(cpu).trim()).filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned()
    };
    HardwareCpu {
        vendor: named(sysinfo::Cpu::vendor_id),
        model_name: named(sysinfo::Cpu::brand),
        architecture: std::env::consts::ARCH.to_owned(),
        cores: count(sysinfo::System::physical_core_count().unwrap_or(cpus.len())),
        threads: count(cpus.len()),
    }
}

/// Main memory.
pub(super) fn memory() -> Memory {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = sysinfo::System::new_with_specifics(what).ok();
    let ask = |ask: fn(&sysinfo::System) -> u64| system.as_ref().map_or(0, ask);
    Memory { total_bytes: ask(sysinfo::System::total_memory), available_bytes: ask(sysinfo::System::available_memory) }
}

/// Bytes in use and bytes in all of the disk that a folder is on, or will be when it is made.
pub(super) fn disk(folder: &Path) -> (u64, u64) {
    let there = folder.ancestors().find_map(|folder| folder.canonicalize().ok());
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok();
    let (Some(there), Some(disks)) = (there, disks) else { return (0, 0) };
    let holding = disks.iter().filter(|disk| there.starts_with(disk.mount_point()));
    let nearest = holding.max_by_key(|disk| disk.mount_point().as_os_str().len());
    nearest.map_or((0, 0), |disk| (disk.total_space().saturating_sub(disk.available_space()), disk.total_space()))
}

/// Mebibytes of memory this process has; 0 where the system does not say.
pub(super) fn process_memory_mb() -> u64 {
    let (Ok(pid), Ok(mut system)) = (sysinfo::get_current_pid(), sysinfo::System::new()) else { return 0 };
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map_or(0, |process| process.memory() / MB)
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
    fn a_disk_has_room_for_what_is_on_it_even_for_a_folder_to_come() {
        let here = std::env::current_dir().expect("a working folder");
        let (used, total) = disk(&here);
        assert!(used <= total);
        assert_eq!(disk(&here.join("to/come")).1, total);
        assert_eq!(disk(Path::new("")), (0, 0));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(process_memory_mb() > 0);
    }
}
