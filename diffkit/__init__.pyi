"""The public names of diffkit; `diffkit/__init__.py` imports each when it is first used."""

from .analysis.predictions import mean_kl
from .analysis.token_findings import top_tokens
from .case import CandidateTruth, Case, Evidence, JointNullScores, NullScores
from .chat.blinding import Blinding
from .chat.prices import Price, Prices
from .chat.session import AnswerCache, ChatSession
from .chat.transcript import (
    Event,
    InterimVerdictEvent,
    Request,
    Response,
    Retry,
    ToolCall,
    Transcript,
    TranscriptNote,
    read_transcript,
)
from .checkpoints import Checkpoint, Checkpoints
from .comparison import compare
from .context import Artifacts, Progress, RunContext
from .engine.architectures import Architecture, register_architecture
from .engine.chats.chat_template import render_chat
from .engine.chats.text_end import appended_ids, without_end
from .engine.inputs import Inputs, TextBatch
from .engine.loading.loader import NetworkCache, detect_kind, load_model, load_pair
from .engine.loading.pair_on_disk import ModelOnDisk, PairOnDisk, find_pair_on_disk
from .engine.model import Model
from .engine.pair import ModelPair, PairLogProbs
from .engine.pair_loss import PairedGradient, PairLoss, pair_loss, paired_gradient
from .engine.positions.labels import PositionLabels, position_labels
from .engine.prompt_sources import PromptStart, prompt_starts, self_generated_prompts
from .engine.tokenization import answer_start
from .engine.weight_changes.differences import TruncatedSVD, WeightDelta
from .engine.weight_changes.random_control import control_scale_for_kl
from .errors import ChatRefused, DiffkitError, Unavailable, UserError
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
from .generator import Generator, GeneratorBackend, GeneratorPair, PairSource
from .grader import AnswerSheet, Grade, GradeContext, Grader, GraderNeed, TruthStatement
from .investigator import (
    AttemptContext,
    BlindModels,
    BlindTool,
    Investigator,
    InvestigatorNeed,
    NoVerdict,
    QuestionAnswer,
    UsageEstimate,
)
from .method import DiffingMethod, MethodConfig, PositionOptions, Study, execution_option
from .options.import_path import ImportPath, load_import_path
from .options.input_file import InputFile
from .organism import (
    AnswerKey,
    BaseModelEntry,
    Organism,
    Probes,
    Record,
    Source,
)
from .plain_text.findings_text import finding_text, list_findings_text
from .records.alignment import AlignedFinding, AlignedRow, AlignedRuns, align_runs
from .records.listing import Listing, SearchHit, SearchResults, StoredRecord
from .records.opened_store import OpenedStore, open_store
from .records.rows import Place
from .registry.hookspecs import Register, RegisterFolder, hookimpl
from .registry.specs import Spec
from .runs.manifest import StoredRun
from .sampling import Completion, Sampling
from .texts import Message, PositionLabel, Text, Texts
from .tool import AgentTool, FinishedRun, json_schema
from .verdict import (
    NONE_OF_THESE,
    Attempt,
    Detection,
    InterimVerdict,
    NullTest,
    Outcome,
    Prediction,
    Side,
    Usage,
    Verdict,
)

__all__ = [
    "NONE_OF_THESE",
    "AgentTool",
    "AlignedFinding",
    "AlignedRow",
    "AlignedRuns",
    "AnswerCache",
    "AnswerKey",
    "AnswerSheet",
    "Architecture",
    "Artifacts",
    "Attempt",
    "AttemptContext",
    "BaseModelEntry",
    "BlindModels",
    "BlindTool",
    "Blinding",
    "Candidate",
    "CandidateTruth",
    "Case",
    "ChatRefused",
    "ChatSession",
    "Checkpoint",
    "Checkpoints",
    "Completion",
    "Detection",
    "DiffingMethod",
    "DiffkitError",
    "Event",
    "Evidence",
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
    "ImportPath",
    "InputFile",
    "Inputs",
    "InterimVerdict",
    "InterimVerdictEvent",
    "Investigator",
    "InvestigatorNeed",
    "JointNullScores",
    "Line",
    "Listing",
    "Message",
    "MethodConfig",
    "Model",
    "ModelOnDisk",
    "ModelPair",
    "NetworkCache",
    "NoVerdict",
    "Note",
    "NullScores",
    "NullTest",
    "OpenedStore",
    "Organism",
    "Outcome",
    "PairLogProbs",
    "PairLoss",
    "PairOnDisk",
    "PairSource",
    "PairedGradient",
    "Place",
    "PositionLabel",
    "PositionLabels",
    "PositionOptions",
    "Prediction",
    "Price",
    "Prices",
    "Probes",
    "Progress",
    "PromptStart",
    "QuestionAnswer",
    "Record",
    "Register",
    "RegisterFolder",
    "Request",
    "Response",
    "Retry",
    "RunContext",
    "Sample",
    "Samples",
    "Sampling",
    "SearchHit",
    "SearchResults",
    "Series",
    "Side",
    "Source",
    "Spec",
    "StoredRecord",
    "StoredRun",
    "Study",
    "Table",
    "Text",
    "TextBatch",
    "Texts",
    "TokenScore",
    "TokenTable",
    "TokenTrace",
    "ToolCall",
    "TracedToken",
    "Transcript",
    "TranscriptNote",
    "TruncatedSVD",
    "TruthStatement",
    "Unavailable",
    "Usage",
    "UsageEstimate",
    "UserError",
    "Verdict",
    "WeightDelta",
    "align_runs",
    "answer_start",
    "appended_ids",
    "compare",
    "control_scale_for_kl",
    "detect_kind",
    "execution_option",
    "find_pair_on_disk",
    "finding_text",
    "hookimpl",
    "json_schema",
    "list_findings_text",
    "load_import_path",
    "load_model",
    "load_pair",
    "mean_kl",
    "open_store",
    "pair_loss",
    "paired_gradient",
    "position_labels",
    "prompt_starts",
    "read_transcript",
    "register_architecture",
    "render_chat",
    "self_generated_prompts",
    "top_tokens",
    "without_end",
]
