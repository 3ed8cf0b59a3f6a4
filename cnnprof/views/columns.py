"""The columns that several views show, each once: its name, how its values read, and when a narrow terminal drops it."""

from __future__ import annotations

from cnnprof.report import LAST_RESORT, WIDE_ONLY, Column

# layers
NAME = Column("name", "layer")
TYPE = Column("type", "type", weight=3)
LAYERS = Column("layers", "layers", "count", WIDE_ONLY)
OUTPUT_SHAPE = Column("output_shape", "output", "shape")
PARAMS = Column("params", "params", "count")
MACS = Column("macs", "MACs", "scaled")
ACTIVATIONS = Column("activations", "act.", "scaled", 1)
STRIDE = Column("stride", "stride", "shape", 2)

# networks side by side
MODEL = Column("model", "model")
FAMILY = Column("family", "family", weight=5)
YEAR = Column("year", "year", "year", 4)
SOURCE = Column("source", "source", weight=6)
INPUT = Column("input", "input", "shape", 7)
OUTPUT_FIELD = Column("output_field", "field", "shape")
NONLINEARITIES = Column("nonlinearities", "non-lin.", "count")
PARAM_BYTES = Column("param_bytes", "weights MB", "megabytes", 5)
ACTIVATION_BYTES = Column("activation_bytes", "act. MB", "megabytes", 6)
PEAK_INFERENCE_BYTES = Column("peak_inference_bytes", "inference MB", "megabytes", 3)
TOP1 = Column("top1", "top-1", "percent")
TOP5 = Column("top5", "top-5", "percent", 2)
ACCURACY_SOURCE = Column("accuracy_source", "accuracy from", weight=8)
ACCURACY_MARK = Column("accuracy_mark", "from", weight=LAST_RESORT)
DATASET = Column("dataset", "data set", weight=8)
FAILURE = Column("failure", "not read")

# measurements
DEVICE = Column("device", "device", weight=6)
DTYPE = Column("dtype", "dtype", weight=5)
BATCH = Column("batch", "batch", "count", 1)
LATENCY_MS = Column("latency_ms", "ms", "ms")
CI95 = Column("ci95", "95% interval", "interval", 2)
RUNTIME = Column("runtime", "runtime")
PREDICTED_MS = Column("predicted_ms", "predicted ms", "ms")
INTERVAL90 = Column("interval90", "90% interval", "interval", 2)
THROUGHPUT_IMG_S = Column("throughput_img_s", "images/s", "rate")
PEAK_MEMORY_BYTES = Column("peak_memory_bytes", "peak MB", "megabytes", 3)
STATUS = Column("status", "status", "status")
RATIO = Column("ratio", "ratio", "factor")
LAYER_MS = Column("layer_ms", "ms", "ms")
TIME_SHARE = Column("time_share", "%", "share")
GFLOPS = Column("gflops", "GFLOP/s", "rate")
GBS = Column("gbs", "GB/s", "rate", 1)

# the machine's limits
EFFICIENCY = Column("efficiency", "effic. %", "share")
KIND = Column("kind", "kind")

# published and cross-checked figures
WHAT = Column("what", "figure")
COMPUTED = Column("computed", "computed")
WHERE = Column("where", "stated in", weight=1)
OURS = Column("ours", "cnnprof", "count")
THEIRS = Column("theirs", "theirs", "count")
REASON = Column("reason", "reason")

# memory
TRAINING_BYTES = Column("training_bytes", "training MB", "megabytes")
PASS = Column("pass", "pass")
LARGEST_BATCH = Column("largest_batch", "largest batch", "count")
FIT_INFERENCE = Column("fit_inference", "fits, inf.", "count")
FIT_TRAINING = Column("fit_training", "fits, train", "count")
FORWARD_MACS = Column("forward_macs", "forward MACs", "scaled", 3)
BACKWARD_MACS = Column("backward_macs", "backward MACs", "scaled", 2)
PEAK_TRAINING_BYTES = Column("peak_training_bytes", "training MB", "megabytes", 4)

# the installation
DETAIL = Column("detail", "detail")
