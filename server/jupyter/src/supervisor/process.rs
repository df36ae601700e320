//! What the operating system knows about a kernel: the memory of its process tree, and whether the system killed it.

use std::fs;
use std::time::{Duration, Instant};

/// A killed kernel with much memory takes a while to give it back; then it has ended.
const DYING: Duration = Duration::from_secs(2);

/// Resident memory of a process and all its descendants, in bytes; 0 where it cannot be read. What forked processes share is
/// counted for each of them: see [`tree_memory_once`].
pub fn tree_memory(pid: i32) -> u64 {
    over_tree(pid, resident)
}

/// The same, but what processes share is divided among them (`Pss`). Reading it costs the kernel a walk through every mapping.
pub fn tree_memory_once(pid: i32) -> u64 {
    over_tree(pid, |pid| proportional(pid).or_else(|| resident(pid)))
}

fn over_tree(pid: i32, bytes: impl Fn(i32) -> Option<u64>) -> u64 {
    let mut total = 0;
    let mut todo = vec![pid];
    let mut seen = Vec::new();
    while let Some(pid) = todo.pop() {
        if seen.contains(&pid) {
            continue;
        }
        seen.push(pid);
        total += bytes(pid).unwrap_or(0);
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
            continue;
        };
        for thread in threads.flatten() {
            if let Ok(children) = fs::read_to_string(thread.path().join("children")) {
                todo.extend(
                    children
                        .split_ascii_whitespace()
                        .filter_map(|child| child.parse::<i32>().ok()),
                );
            }
        }
    }
    total
}

fn resident(pid: i32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS:")
}

fn proportional(pid: i32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// When a process started, in clock ticks since the machine did. With the id it names a process for good.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the fields after the last bracket are numbers.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// How many processes the system has killed for want of memory in our control group, and the group's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutOfMemory {
    pub kills: u64,
    pub limit: Option<u64>,
}

impl OutOfMemory {
    pub fn read() -> Self {
        let Some(group) = fs::read_to_string("/proc/self/cgroup")
            .ok()
            .and_then(|text| own_group(&text))
        else {
            return Self::default();
        };
        let read = |name: &str| {
            fs::read_to_string(format!("/sys/fs/cgroup{group}/{name}"))
                .or_else(|_| fs::read_to_string(format!("/sys/fs/cgroup/{name}")))
                .ok()
        };
        Self {
            kills: read("memory.events")
                .and_then(|text| kills(&text))
                .unwrap_or(0),
            limit: read("memory.max").and_then(|text| text.trim().parse().ok()),
        }
    }
}

/// What the count of kills was before the last moments of a kernel. Our control group may hold other kernels: a kill that is
/// longer ago was of one of them, since this one lives.
pub struct Kills {
    before: u64,
    lately: u64,
    read_at: Instant,
}

impl Kills {
    pub fn begin(now: Instant, read: OutOfMemory) -> Self {
        Self {
            before: read.kills,
            lately: read.kills,
            read_at: now,
        }
    }

    pub fn is_due(&self, now: Instant) -> bool {
        now.duration_since(self.read_at) >= DYING
    }

    /// The kernel lives. It may have been killed all the same and not have ended yet, so the reading before this one counts.
    pub fn read_again(&mut self, now: Instant, read: OutOfMemory) {
        self.before = self.lately;
        self.lately = read.kills;
        self.read_at = now;
    }

    /// Was something killed in the last moments?
    pub fn rose(&self, kills: u64) -> bool {
        kills > self.before
    }
}

fn own_group(text: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.strip_prefix("0::"))
        .map(|path| path.trim_end_matches('/').to_owned())
}

fn kills(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_and_start_are_known() {
        let pid = i32::try_from(std::process::id()).expect("pid");
        assert!(tree_memory(pid) > 100 * 1024);
        assert!(tree_memory_once(pid) > 100 * 1024);
        assert!(start_time(pid).is_some());
        assert_eq!(tree_memory(i32::MAX), 0);
    }

    #[test]
    fn only_a_kill_of_the_last_moments_may_have_been_of_this_kernel() {
        let start = Instant::now();
        let read = |kills| OutOfMemory { kills, limit: None };
        let mut seen = Kills::begin(start, read(1));
        assert!(!seen.rose(1) && seen.rose(2));
        assert!(!seen.is_due(start + DYING / 2) && seen.is_due(start + DYING));
        seen.read_again(start + DYING, read(2));
        assert!(
            seen.rose(2),
            "it may be this kernel's, which is about to end"
        );
        seen.read_again(start + 2 * DYING, read(2));
        assert!(!seen.rose(2), "it was a neighbour's");
        assert!(seen.rose(3));
    }

    #[test]
    fn control_groups_are_read() {
        assert_eq!(
            own_group("0::/user.slice/a\n").as_deref(),
            Some("/user.slice/a")
        );
        assert_eq!(kills("low 0\noom 3\noom_kill 2\n"), Some(2));
    }
}
