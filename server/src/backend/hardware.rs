//! get_hardware_info, check_model_feasibility, get_recommended_models: the same whatever models are behind.

use tabagent_protocol::api::{
    CheckModelFeasibility, FeasibilityResponse, GetHardwareInfo, GetRecommendedModels, Gpu, HardwareInfoResponse, HardwareMemory,
    RamTier, RecommendedModelsResponse,
};

use super::{
    estimate,
    machine::{self, Graphics, MB},
};
use crate::service::Service;

/// What the models here run on.
const EXECUTION_PROVIDER: &str = "cpu";
/// Percent of free memory that a model may take without others having to give way.
const SAFE: u64 = 70;
/// Parameters of models as they are published, in billions.
const SIZES: &[f64] = &[0.5, 1.0, 1.5, 3.0, 7.0, 8.0, 14.0, 32.0, 70.0];

impl Service {
    /// Adds `get_hardware_info`, `check_model_feasibility` and `get_recommended_models`.
    #[must_use]
    pub fn with_hardware(self) -> Self {
        self.on(|_, _: GetHardwareInfo| machine::ask(hardware))
            .on(|_, request: CheckModelFeasibility| async move {
                Ok(feasibility(request.model_size_mb, machine::ask(Room::now).await?))
            })
            .on(|_, _: GetRecommendedModels| async { Ok(recommended(machine::ask(Room::now).await?)) })
    }
}

/// The memory that is free, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Of the main memory, for a new program.
    ram: u64,
    /// Of the graphics processor that has most; none where none says.
    vram: Option<u64>,
}

impl Room {
    /// Looks at the machine, blocking.
    pub(super) fn now() -> Self {
        let vram = Graphics::all().iter().filter_map(Graphics::memory_free).max();
        Self { ram: machine::memory().available_bytes, vram }
    }

    /// Bytes that one model may take.
    pub(super) fn safe(self) -> u64 {
        safe(self.ram).max(safe(self.vram.unwrap_or(0)))
    }

    /// Whether a graphics processor says how much memory it has.
    pub(super) fn knows_vram(self) -> bool {
        self.vram.is_some()
    }
}

/// In whole MB, so that what is said and what is decided by agree.
fn safe(bytes: u64) -> u64 {
    bytes / MB * SAFE / 100 * MB
}

fn hardware() -> HardwareInfoResponse {
    let memory = machine::memory();
    let (total_ram_mb, available_ram_mb) = (memory.total_bytes / MB, memory.available_bytes / MB);
    HardwareInfoResponse {
        cpu: machine::processor(),
        memory: HardwareMemory {
            total_ram_mb,
            available_ram_mb,
            used_ram_mb: total_ram_mb.saturating_sub(available_ram_mb),
            ram_tier: tier(memory.total_bytes),
        },
        gpus: Graphics::all().iter().map(Gpu::from).collect(),
        execution_provider: EXECUTION_PROVIDER.to_owned(),
    }
}

fn tier(total: u64) -> RamTier {
    match total / (1024 * MB) {
        0..8 => RamTier::Low,
        8..16 => RamTier::Medium,
        16..32 => RamTier::High,
        _ => RamTier::VeryHigh,
    }
}

fn feasibility(model_size_mb: u64, room: Room) -> FeasibilityResponse {
    let safe_mb = room.safe() / MB;
    let can_load = model_size_mb <= safe_mb;
    let recommendation = if can_load {
        "It can be loaded: it fits into the memory that is safe to use now.".to_owned()
    } else {
        format!(
            "It takes {} MB more than are safe to use: choose a smaller one or a lower quantisation, or end other programs.",
            model_size_mb - safe_mb
        )
    };
    FeasibilityResponse {
        can_load,
        model_size_mb,
        available_ram_mb: room.ram / MB,
        available_vram_mb: room.vram.unwrap_or(0) / MB,
        recommendation,
    }
}

fn recommended(room: Room) -> RecommendedModelsResponse {
    let bits = estimate::bits(estimate::COMMON).unwrap_or_default();
    let fits = |size: &&f64| estimate::bytes(**size * 1e9, bits, estimate::CONTEXT) <= room.safe();
    let recommended_sizes: Vec<_> = SIZES.iter().filter(fits).map(|size| format!("{size}B")).collect();
    let recommendation = match recommended_sizes.last() {
        Some(largest) => format!("Models of up to {largest} fit, kept as {} with a context of 4096 tokens.", estimate::COMMON),
        None => "No published model fits into what is free now: end other programs, or use the built-in models.".to_owned(),
    };
    RecommendedModelsResponse {
        available_ram_mb: room.ram / MB,
        available_vram_mb: room.vram.unwrap_or(0) / MB,
        safe_ram_mb: safe(room.ram) / MB,
        safe_vram_mb: safe(room.vram.unwrap_or(0)) / MB,
        recommended_sizes,
        recommendation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * MB;

    #[test]
    fn a_model_may_take_seventy_percent_of_what_is_free() {
        let room = Room { ram: 1000 * MB, vram: None };
        assert!(feasibility(700, room).can_load);
        let refused = feasibility(701, room);
        assert!(!refused.can_load && refused.recommendation.starts_with("It takes 1 MB more"), "{refused:?}");
        assert!(feasibility(701, Room { vram: Some(2000 * MB), ..room }).can_load);
        assert!(!feasibility(u64::MAX, room).can_load);
    }

    #[test]
    fn larger_machines_are_good_for_larger_models() {
        let sizes = |gib| recommended(Room { ram: gib * GIB, vram: None }).recommended_sizes;
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(2), ["0.5B", "1B"]);
        assert_eq!(sizes(16).last().map(String::as_str), Some("8B"));
        let room = recommended(Room { ram: 10 * GIB, vram: Some(20 * GIB) });
        assert_eq!((room.safe_ram_mb, room.safe_vram_mb), (7168, 14336));
    }

    #[test]
    fn memory_is_told_in_one_word_too() {
        assert_eq!([4, 8, 31, 64].map(|gib| tier(gib * GIB)), [RamTier::Low, RamTier::Medium, RamTier::High, RamTier::VeryHigh]);
    }

    #[test]
    fn the_machine_adds_up() {
        let HardwareInfoResponse { cpu, memory, .. } = hardware();
        assert!(cpu.threads >= cpu.cores && cpu.cores >= 1);
        assert_eq!(memory.used_ram_mb + memory.available_ram_mb, memory.total_ram_mb);
    }
}
