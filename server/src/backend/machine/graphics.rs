//! Graphics processors, as far as the system says something of them by itself.
//!
//! On Linux the kernel lists them as files. Their own memory is known of AMD's, whose driver tells it there; of others it takes
//! their makers' libraries. Elsewhere none is known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tabagent_protocol::api::Gpu;

/// Where Linux lists them.
const FOLDER: &str = "/sys/class/drm";

/// A graphics processor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::backend) struct Graphics {
    name: String,
    vendor: String,
    /// Bytes of its own memory, and of these in use; known together or not at all.
    memory: Option<(u64, u64)>,
    /// Percent of its time.
    pub(in crate::backend) busy: Option<f32>,
}

impl Graphics {
    /// All of them, in the system's order.
    pub(in crate::backend) fn all() -> Vec<Self> {
        Self::listed_in(Path::new(FOLDER))
    }

    /// Bytes of its own memory.
    pub(in crate::backend) fn memory_total(&self) -> Option<u64> {
        self.memory.map(|(total, _)| total)
    }

    /// Bytes in use of its own memory.
    pub(in crate::backend) fn memory_used(&self) -> Option<u64> {
        self.memory.map(|(_, used)| used)
    }

    /// Bytes free of its own memory.
    pub(in crate::backend) fn memory_free(&self) -> Option<u64> {
        self.memory.map(|(total, used)| total.saturating_sub(used))
    }

    fn listed_in(folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        // `card0` is a processor; `card0-HDMI-A-1` is where a screen is plugged into it, `renderD128` its other name.
        let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("card")?.parse::<u32>().ok();
        let mut cards: Vec<_> = entries.map(|entry| entry.path()).filter_map(|path| Some((number(&path)?, path))).collect();
        cards.sort();
        cards.iter().filter_map(|(_, card)| Self::read(&card.join("device"))).collect()
    }

    fn read(device: &Path) -> Option<Self> {
        let file = |name: &str| fs::read_to_string(device.join(name)).ok().map(|text| text.trim().to_owned());
        let number = |name: &str| file(name)?.parse::<u64>().ok();
        let vendor = file("vendor")?;
        let kind = file("device").unwrap_or_default();
        let uevent = file("uevent").unwrap_or_default();
        let driver = uevent.lines().find_map(|line| line.strip_prefix("DRIVER=")).unwrap_or("unknown driver");
        let vendor = match vendor.as_str() {
            "0x1002" => "AMD",
            "0x10de" => "NVIDIA",
            "0x8086" => "Intel",
            other => other,
        };
        Some(Self {
            name: file("product_name").filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{vendor} {kind} ({driver})")),
            vendor: vendor.to_owned(),
            memory: number("mem_info_vram_total").zip(number("mem_info_vram_used")),
            busy: number("gpu_busy_percent").map(|percent| percent.min(100) as f32),
        })
    }
}

impl From<&Graphics> for Gpu {
    fn from(graphics: &Graphics) -> Self {
        Self { name: graphics.name.clone(), memory_bytes: graphics.memory_total().unwrap_or(0), vendor: graphics.vendor.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_read_and_their_connectors_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |card: &str, files: &[(&str, &str)]| {
            let device = folder.path().join(card).join("device");
            fs::create_dir_all(&device).expect("a folder");
            for (name, text) in files {
                fs::write(device.join(name), text).expect("a file");
            }
        };
        write("card10", &[("vendor", "0x10de\n"), ("device", "0x2684\n"), ("uevent", "DRIVER=nouveau\nPCI_CLASS=30000\n")]);
        let memory =
            [("mem_info_vram_total", "8589934592\n"), ("mem_info_vram_used", "1073741824\n"), ("gpu_busy_percent", "7\n")];
        write("card2", &[&[("vendor", "0x1002\n"), ("device", "0x744c\n"), ("product_name", "Navi\n")][..], &memory].concat());
        write("card2-HDMI-A-1", &[("vendor", "0x1002\n")]);
        write("card3", &[]);
        let all = Graphics::listed_in(folder.path());
        assert_eq!(all.iter().map(|card| card.name.as_str()).collect::<Vec<_>>(), ["Navi", "NVIDIA 0x2684 (nouveau)"]);
        assert_eq!((all[0].memory_free(), all[0].busy), (Some(7 << 30), Some(7.0)));
        assert_eq!(Gpu::from(&all[1]).memory_bytes, 0);
        assert!(Graphics::listed_in(&folder.path().join("none")).is_empty());
    }
}
