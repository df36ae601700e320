//! Processor time of processes, as the system counts it.

use std::error::Error;

/// Seconds of user and system time since each process began, in steps of 10 ms.
pub struct Ticks(f64);

impl Ticks {
    pub fn since(&self, before: &Self) -> f64 {
        self.0 - before.0
    }
}

pub fn ticks(processes: &[u32]) -> Result<Ticks, Box<dyn Error + Send + Sync>> {
    let mut sum = 0.0;
    for process in processes {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // Behind the name, which stands in brackets, the 12th and 13th.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .ok_or("a stat without a name")?
            .1
            .split_whitespace()
            .collect();
        for at in [11, 12] {
            sum += fields.get(at).ok_or("a short stat")?.parse::<f64>()? / 100.0;
        }
    }
    Ok(Ticks(sum))
}
