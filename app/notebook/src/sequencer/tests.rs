//! Claims about the sequencer.
