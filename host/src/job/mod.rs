//! A job: its file parsed and validated once, and the plan (stages, tasks, internal streams) made from it. The only module that knows key names and defaults.

mod file;
mod graph;
mod kafka;
mod make;
mod model;
mod operators;
mod parse;
mod plan;
mod units;

pub use model::{
    Errors, FileFormat, GeneratorSpec, Guarantee, InputSpec, Job, KafkaSpec, LostPolicy, OperatorInput, OperatorSpec, OutputSpec, PropertyValue, RejectPolicy,
    SinkKind, SourceKind, StartAt, StoreSpec, StreamOptions, TimestampFrom,
};
pub use plan::{Consumer, Node, Plan, PlanInput, Stage, Target};
pub(crate) use units::Duration;
