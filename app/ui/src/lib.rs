//! app/ui
