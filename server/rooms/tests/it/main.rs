//! Rooms, tried with a ledger that stores for real, a runner that runs, and tabs that use the engine's own client.

#[cfg(test)]
mod disk;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod echo;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod running;
#[cfg(test)]
mod studio;
#[cfg(test)]
mod writing;
