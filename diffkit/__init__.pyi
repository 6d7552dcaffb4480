"""The public names of diffkit; `diffkit/__init__.py` imports each when it is first used."""

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
from .engine.gradients import PairedGradient, paired_gradient
from .engine.inputs import Inputs
from .engine.likeliest import likeliest
from .engine.load import Networks, load_model, load_pair, recognise
from .engine.model import Model
from .engine.openings import Opening, openings
from .engine.pair import ModelPair
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
from .generator import Completion, Sampling
from .grader import (
    Exam,
    Grade,
    Grader,
    Statement,
)
from .hookspecs import Register, RegisterFolder, hookimpl
from .investigator import Case, Investigator, NullScores
from .method import DiffingMethod, MethodConfig, Study, execution_option
from .organism import (
    AnswerKey,
    BaseModelEntry,
    Organism,
    Probes,
    Record,
    Source,
)
from .registry import Spec
from .texts import Message, Text, Texts
from .tool import AgentTool, FinishedRun
from .verdict import (
    Attempt,
    Detection,
    Outcome,
    RungTest,
    Verdict,
)

__all__ = [
    "AgentTool",
    "AnswerKey",
    "Architecture",
    "Artifacts",
    "Attempt",
    "BaseModelEntry",
    "Candidate",
    "Case",
    "Checkpoint",
    "Checkpoints",
    "Completion",
    "Detection",
    "DiffingMethod",
    "DiffkitError",
    "Exam",
    "Figure",
    "Finding",
    "Findings",
    "FinishedRun",
    "Grade",
    "Grader",
    "Inputs",
    "Investigator",
    "Line",
    "Message",
    "MethodConfig",
    "Model",
    "ModelPair",
    "Networks",
    "Note",
    "NullScores",
    "Opening",
    "Organism",
    "Outcome",
    "PairedGradient",
    "Probes",
    "Progress",
    "Record",
    "Register",
    "RegisterFolder",
    "RunContext",
    "RungTest",
    "Sample",
    "Samples",
    "Sampling",
    "Series",
    "Singular",
    "Source",
    "Spec",
    "Statement",
    "Study",
    "Table",
    "Text",
    "Texts",
    "TokenScore",
    "TokenTable",
    "TokenTrace",
    "TracedToken",
    "UserError",
    "Verdict",
    "WeightDelta",
    "answer_start",
    "drift",
    "execution_option",
    "hookimpl",
    "likeliest",
    "load_model",
    "load_pair",
    "openings",
    "paired_gradient",
    "recognise",
    "register_architecture",
]
