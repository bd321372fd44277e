//! get_resources, estimate_memory, compatibility: what is in use here, and what a model would take.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use tabagent_protocol::{
    Code, Fault,
    api::{
        Compatibility, CompatibilityResponse, EstimateMemory, GetResources, MemoryEstimateResponse, ResourcesResponse, refused,
    },
};

use super::{
    super::{
        estimate,
        hardware::Room,
        machine::{self, CpuMeter, Graphics, MB},
    },
    models::{self, Models},
};
use crate::service::{Service, short};

impl Service {
    /// Adds `get_resources`, `estimate_memory` and `compatibility`.
    pub(super) fn with_resources(self, models: &Arc<Models>, data_dir: Option<&Path>) -> Self {
        let meter = Arc::new(Meter { cpu: CpuMeter::new(), folder: data_dir.map(Path::to_owned) });
        let models = Arc::clone(models);
        self.on(move |_, _: GetResources| {
            let (meter, models) = (Arc::clone(&meter), Arc::clone(&models));
            async move { resources(meter, &models).await }
        })
        .on(|_, request: EstimateMemory| async move {
            let EstimateMemory { model, quantization, context_length } = request;
            Ok(Need::of(model, quantization, context_length).await?.estimate())
        })
        .on(|_, request: Compatibility| async move {
            let Compatibility { model, quantization, context_length } = request;
            Ok(Need::of(model, quantization, context_length).await?.compatibility())
        })
    }
}

struct Meter {
    cpu: CpuMeter,
    /// Whose disk is looked at; the working folder's otherwise.
    folder: Option<PathBuf>,
}

async fn resources(meter: Arc<Meter>, models: &Models) -> Result<ResourcesResponse, Fault> {
    let first = Arc::clone(&meter);
    let wait = machine::ask(move || first.cpu.begin()).await?;
    tokio::time::sleep(wait).await;
    let response = machine::ask(move || meter.read()).await?;
    Ok(ResourcesResponse { loaded_models: models.loaded_ids(), ..response })
}

impl Meter {
    fn read(&self) -> ResourcesResponse {
        let memory = machine::memory();
        let folder = self.folder.clone().or_else(|| env::current_dir().ok()).unwrap_or_default();
        let (disk_usage, disk_total) = machine::disk(&folder);
        let graphics = Graphics::all();
        let sum = |ask: fn(&Graphics) -> Option<u64>| graphics.iter().filter_map(ask).reduce(|a, b| a + b);
        ResourcesResponse {
            cpu_usage: self.cpu.read(),
            memory_usage: memory.total_bytes.saturating_sub(memory.available_bytes),
            memory_total: memory.total_bytes,
            disk_usage,
            disk_total,
            gpu_usage: graphics.iter().filter_map(|card| card.busy).reduce(f32::max),
            gpu_memory_usage: sum(Graphics::memory_used),
            gpu_memory_total: sum(Graphics::memory_total),
            loaded_models: Vec::new(),
        }
    }
}

/// What a model needs, and what there is.
struct Need {
    model: String,
    bytes: u64,
    room: Room,
}

impl Need {
    async fn of(model: String, quantization: Option<String>, context: Option<u32>) -> Result<Self, Fault> {
        machine::ask(move || {
            let bytes = bytes(&model, quantization.as_deref(), context.unwrap_or(estimate::CONTEXT))?;
            Ok(Self { model, bytes, room: Room::now() })
        })
        .await?
    }

    fn fits(&self) -> bool {
        self.bytes <= self.room.safe()
    }

    fn megabytes(&self) -> u64 {
        self.bytes.div_ceil(MB)
    }

    /// What is missing, in one sentence.
    fn lack(&self) -> Option<String> {
        let (needs, safe) = (self.megabytes(), self.room.safe() / MB);
        (!self.fits()).then(|| format!("{needs} MB of memory are needed, and {safe} MB are safe to use now."))
    }

    fn estimate(self) -> MemoryEstimateResponse {
        let estimated_memory_mb = self.megabytes();
        MemoryEstimateResponse {
            estimated_memory_mb,
            estimated_vram_mb: self.room.knows_vram().then_some(estimated_memory_mb),
            can_load: self.fits(),
            reason: self.lack(),
            model: self.model,
        }
    }

    fn compatibility(self) -> CompatibilityResponse {
        let missing_requirements: Vec<_> = self.lack().into_iter().collect();
        let recommendations = if missing_requirements.is_empty() {
            Vec::new()
        } else {
            vec![
                "Choose a smaller model, or a quantisation of fewer bits.".to_owned(),
                "Ask for a shorter context.".to_owned(),
                "End other programs to free memory.".to_owned(),
            ]
        };
        CompatibilityResponse {
            compatible: missing_requirements.is_empty(),
            requirements: vec![format!("{} MB of memory.", self.megabytes())],
            missing_requirements,
            recommendations,
        }
    }
}

/// Bytes that a model takes: what it does take if it is known here, or what its name lets expect.
fn bytes(model: &str, quantization: Option<&str>, context: u32) -> Result<u64, Fault> {
    if let Some(bytes) = models::needs(model, quantization) {
        return Ok(bytes);
    }
    let Some(parameters) = estimate::parameters(model) else {
        let text =
            format!("{:?} is not known here, and its name does not say how many parameters it has, as `…-7B` does", short(model));
        return Err(Fault::new(Code::MODEL_NOT_FOUND, text).with_details(r#"{"field":"model"}"#));
    };
    let bits = match quantization {
        None => estimate::bits_of_name(model),
        Some(name) => estimate::bits(name).ok_or_else(|| {
            refused("quantization", format_args!("{:?} is none that is known here, such as f16, q8_0, q4_k_m", short(name)))
        })?,
    };
    Ok(estimate::bytes(parameters, bits, context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_model_takes_what_it_takes_and_another_what_its_name_says() {
        assert!(bytes("tabagent/reference-guide", Some("q4_k_m"), 4096).is_ok_and(|bytes| bytes < 1 << 20));
        let size = |quantization| bytes("Qwen2.5-7B", quantization, 4096).expect("a size");
        assert!(size(Some("q4_k_m")) < size(Some("q8_0")) && size(Some("q8_0")) < size(None));
        let code = |model, quantization| bytes(model, quantization, 1).map_err(|fault| fault.code);
        assert_eq!(code("phi-mini", None), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(code("Qwen2.5-7B", Some("tiny")), Err(Code::VALIDATION_FAILED));
    }

    #[test]
    fn what_does_not_fit_says_why_and_what_to_do() {
        let need = |bytes| Need { model: "m".to_owned(), bytes, room: Room::now() };
        let too_large = need(u64::MAX).estimate();
        assert!(!too_large.can_load && too_large.reason.is_some_and(|reason| reason.contains("are needed")));
        let too_large = need(u64::MAX).compatibility();
        assert!(!too_large.compatible && too_large.missing_requirements.len() == 1 && !too_large.recommendations.is_empty());
        let fits = need(1).compatibility();
        assert_eq!((fits.compatible, fits.requirements), (true, vec!["1 MB of memory.".to_owned()]));
    }

    #[test]
    fn the_machine_is_measured() {
        let meter = Meter { cpu: CpuMeter::new(), folder: None };
        let response = meter.read();
        assert!(response.memory_usage > 0 && response.memory_usage <= response.memory_total);
        assert!(response.disk_usage <= response.disk_total && (0.0..=100.0).contains(&response.cpu_usage));
    }
}
