"""The public names of diffkit; `diffkit/__init__.py` imports each when it is first used."""

from .blind import Blind
from .case import CandidateTruth, Case, Evidence, NullScores
from .context import (
    Artifacts,
    Checkpoint,
    Checkpoints,
    Progress,
    RunContext,
)
from .engine.answers import answer_start
from .engine.architectures import Architecture, register_architecture
from .engine.deltas import Singular, WeightDelta
from .engine.drift import drift
from .engine.fused import PairLoss, pair_loss
from .engine.gradients import PairedGradient, paired_gradient
from .engine.inputs import Inputs
from .engine.likeliest import likeliest
from .engine.load import Networks, load_model, load_pair, recognise
from .engine.matching import matching_scale
from .engine.model import Model
from .engine.openings import Opening, openings
from .engine.own_texts import own_texts
from .engine.pair import ModelPair
from .engine.stored_pair import StoredPair, StoredSide, stored_pair
from .errors import DiffkitError, UserError
from .findings import (
    Candidate,
    Figure,
    Finding,
    Findings,
    Line,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)
from .generator import (
    Completion,
    Generator,
    GeneratorBackend,
    GeneratorPair,
    PairSource,
    Sampling,
)
from .grader import (
    Exam,
    Grade,
    GradeContext,
    Grader,
    GraderNeed,
    Statement,
)
from .hookspecs import Register, RegisterFolder, hookimpl
from .import_path import ImportPath, load_import_path
from .input_file import InputFile
from .investigator import (
    Asked,
    AttemptContext,
    BlindPair,
    BlindTool,
    Estimate,
    Investigator,
    Need,
    NoVerdict,
)
from .method import DiffingMethod, MethodConfig, Study, execution_option
from .organism import (
    AnswerKey,
    BaseModelEntry,
    Organism,
    Probes,
    Record,
    Source,
)
from .prices import Price, Prices
from .registry import Spec
from .render.plain import describe, overview
from .talk import Memory, Talk
from .texts import Message, Text, Texts
from .tool import AgentTool, FinishedRun, json_schema
from .transcript import (
    Event,
    Guessed,
    Remark,
    Request,
    Response,
    Retry,
    ToolCall,
    Transcript,
    read_transcript,
)
from .verdict import (
    NONE_OF_THESE,
    Attempt,
    Detection,
    Guess,
    Outcome,
    Prediction,
    RungTest,
    Side,
    Usage,
    Verdict,
)

__all__ = [
    "NONE_OF_THESE",
    "AgentTool",
    "AnswerKey",
    "Architecture",
    "Artifacts",
    "Asked",
    "Attempt",
    "AttemptContext",
    "BaseModelEntry",
    "Blind",
    "BlindPair",
    "BlindTool",
    "Candidate",
    "CandidateTruth",
    "Case",
    "Checkpoint",
    "Checkpoints",
    "Completion",
    "Detection",
    "DiffingMethod",
    "DiffkitError",
    "Estimate",
    "Event",
    "Evidence",
    "Exam",
    "Figure",
    "Finding",
    "Findings",
    "FinishedRun",
    "Generator",
    "GeneratorBackend",
    "GeneratorPair",
    "Grade",
    "GradeContext",
    "Grader",
    "GraderNeed",
    "Guess",
    "Guessed",
    "ImportPath",
    "InputFile",
    "Inputs",
    "Investigator",
    "Line",
    "Memory",
    "Message",
    "MethodConfig",
    "Model",
    "ModelPair",
    "Need",
    "Networks",
    "NoVerdict",
    "Note",
    "NullScores",
    "Opening",
    "Organism",
    "Outcome",
    "PairLoss",
    "PairSource",
    "PairedGradient",
    "Prediction",
    "Price",
    "Prices",
    "Probes",
    "Progress",
    "Record",
    "Register",
    "RegisterFolder",
    "Remark",
    "Request",
    "Response",
    "Retry",
    "RunContext",
    "RungTest",
    "Sample",
    "Samples",
    "Sampling",
    "Series",
    "Side",
    "Singular",
    "Source",
    "Spec",
    "Statement",
    "StoredPair",
    "StoredSide",
    "Study",
    "Table",
    "Talk",
    "Text",
    "Texts",
    "TokenScore",
    "TokenTable",
    "TokenTrace",
    "ToolCall",
    "TracedToken",
    "Transcript",
    "Usage",
    "UserError",
    "Verdict",
    "WeightDelta",
    "answer_start",
    "describe",
    "drift",
    "execution_option",
    "hookimpl",
    "json_schema",
    "likeliest",
    "load_import_path",
    "load_model",
    "load_pair",
    "matching_scale",
    "openings",
    "overview",
    "own_texts",
    "pair_loss",
    "paired_gradient",
    "read_transcript",
    "recognise",
    "register_architecture",
    "stored_pair",
]
