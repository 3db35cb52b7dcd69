// The table of options.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "perdita/train/config.hpp"
#include "perdita/train/parse.hpp"

namespace perdita::train {

namespace {

using Text = std::string_view;
constexpr std::int64_t most = 1'000'000'000;
constexpr Interval fraction{.low = 0, .high = 1, .includes_high = false};

template <class T>
std::string shown(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "";
}
std::string yes_no(bool value) { return value ? "yes" : "no"; }

constexpr auto samplings = std::to_array<Choice<Sampling>>({{"shuffle", Sampling::shuffle},
                                                            {"balanced", Sampling::balanced},
                                                            {"oversample", Sampling::oversample},
                                                            {"undersample", Sampling::undersample}});
constexpr auto denominators = std::to_array<Choice<Normalize>>(
    {{"standard", Normalize::standard}, {"count", Normalize::count}, {"weight_sum", Normalize::weight_sum}});
constexpr auto chart_files = std::to_array<Choice<report::ChartFiles>>(
    {{"svg,png", {true, true}}, {"svg", {true, false}}, {"png", {false, true}}, {"none", {false, false}}});

void set_charts(Config& c, Text text) {
  c.charts = parse_choice(text == "png,svg" ? chart_files[0].name : text, chart_files, "; ");
}

constexpr auto table = std::to_array<Option>({
    {"data", "SOURCE", "Data",
     "where the samples come from:\n"
     "  fashion-mnist                 the Debian package dataset-fashion-mnist\n"
     "  idx:DIR                       files named as MNIST's, gzipped or not\n"
     "  csv:FILE[,target=COLUMN][,header=H][,separator=S][,task=TASK]\n"
     "                                COLUMN is a name, or an index from 0 (the last column);\n"
     "                                H, whether the first line names the columns: yes, no, detect (detect);\n"
     "                                S, what separates columns: comma, semicolon, tab, detect (detect)\n"
     "  npy:X,Y[,task=TASK]           NumPy arrays of inputs and targets\n"
     "  synthetic:NAME[,samples=N][,noise=S][,features=N][,classes=N][,ratio=R]\n"
     "                                linear, sine, moons, circles, blobs, spirals, imbalanced-blobs\n"
     "TASK is regression, binary or multiclass; without it the targets decide",
     [](Config& c, Text t) { c.data = t; }, [](const Config& c) { return c.data; }},
    {"val-fraction", "F", "Data", "share of the training samples held out for validation (0.1); 0: none",
     [](Config& c, Text t) { c.val_fraction = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.val_fraction); }},
    {"test-fraction", "F", "Data", "share of all samples held out for the test, where the data bring no test set (0.2)",
     [](Config& c, Text t) { c.test_fraction = parse_number(t, fraction); },
     [](const Config& c) { return shown(c.test_fraction); }},
    {"standardize", "yes|no", "Data",
     "inputs to mean 0 and deviation 1, and numbers to predict likewise (yes; no for synthetic data); the scaling is\n"
     "part of the model, and losses are in the target's own unit",
     [](Config& c, Text t) { c.standardize = parse_bool(t); },
     [](const Config& c) { return c.standardize ? yes_no(*c.standardize) : ""; }},
    {"imbalance", "HOW", "Data",
     "makes the training and validation samples unbalanced, the first of each class being kept; the test set stays\n"
     "as it is (none):\n"
     "  longtail:R                    class i of 0..K-1 keeps n R^(-i/(K-1)), where n is the largest class's number\n"
     "  step:R                        the second half of the classes keeps n / R",
     [](Config& c, Text t) { c.imbalance = data::parse_imbalance(t); },
     [](const Config& c) { return to_string(c.imbalance); }},
    {"label-noise", "F", "Data",
     "share of the training and validation labels that are replaced by another class, to see how a loss and the\n"
     "ranking of suspects stand it; the test set stays as it is (0)",
     [](Config& c, Text t) { c.label_noise = parse_number(t, probabilities); },
     [](const Config& c) { return fmt::format("{}", c.label_noise); }},
    {"sampling", "HOW", "Data",
     "what an epoch visits (shuffle):\n"
     "  shuffle                       every sample once\n"
     "  balanced                      as many samples, drawn with replacement, every class equally likely\n"
     "  oversample                    as many of each class as the largest has, the others' samples repeated\n"
     "  undersample                   as many of each class as the smallest has, chosen anew in each epoch",
     [](Config& c, Text t) { c.sampling = parse_choice(t, samplings); },
     [](const Config& c) { return std::string(name_of(c.sampling)); }},

    {"loss", "NAME[:OPTION=VALUE,...]", "Loss",
     "what is minimised; perdita losses lists them, perdita explain NAME tells more (mse for numbers,\n"
     "binary_cross_entropy_with_logits for two classes, cross_entropy for more)",
     [](Config& c, Text t) { c.loss = parse_loss(t); },
     [](const Config& c) { return c.loss ? to_string(*c.loss) : ""; }},
    {"class-weights", "HOW", "Loss",
     "how much each class counts (none); perdita weights shows the numbers:\n"
     "  balanced                      samples / (classes * samples of the class)\n"
     "  inverse, inverse_sqrt         in proportion to 1 / n, 1 / sqrt(n)\n"
     "  effective_number:BETA         in proportion to (1 - BETA) / (1 - BETA^n) (0.9999)\n"
     "  SCHEME,cap=R                  none more than R times the smallest, as in balanced,cap=10\n"
     "  FILE                          text with one number a class",
     [](Config& c, Text t) { c.class_weights = parse_class_weights(t); },
     [](const Config& c) { return to_string(c.class_weights); }},
    {"pos-weight", "HOW", "Loss",
     "for two classes: how much the second counts beside the first, a number, or balanced: negatives / positives,\n"
     "also as balanced,cap=R (none)",
     [](Config& c, Text t) { c.pos_weight = parse_pos_weight(t); },
     [](const Config& c) { return to_string(c.pos_weight); }},

    {"normalize-by", "WHAT", "Loss",
     "what the loss of a batch is divided by: count, its samples; weight_sum, their weights; standard, what is usual\n"
     "for the loss: weights for those of the softmax family, samples for others (standard). Of weights whose mean is\n"
     "below 1, count takes smaller steps",
     [](Config& c, Text t) { c.normalize_by = parse_choice(t, denominators); },
     [](const Config& c) { return std::string(name_of_choice(c.normalize_by, denominators)); }},
    {"defer-weights", "F", "Loss",
     "share of the run after which the weights count; 0.8 is the deferred re-weighting of Cao et al. (2019) (0)",
     [](Config& c, Text t) { c.defer_weights = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.defer_weights); }},

    {"hidden", "SIZES", "Model", "units of the hidden layers, such as 256,128; none: a linear model (128)",
     [](Config& c, Text t) { c.hidden = parse_sizes(t); },
     [](const Config& c) { return c.hidden.empty() ? "none" : fmt::format("{}", fmt::join(c.hidden, ",")); }},
    {"dropout", "P", "Model", "share of hidden units left out of each training step (0)",
     [](Config& c, Text t) { c.dropout = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.dropout); }},
    {"last-layer", "HOW", "Model",
     "of a classifier (linear):\n"
     "  linear                        weights and a bias\n"
     "  cosine[:scale=S]              S times the cosines of the features with each class's weights, as ldam in its\n"
     "                                paper (30; 1 for ldam, which has a scale of its own)",
     [](Config& c, Text t) { c.last_layer = parse_last_layer(t); },
     [](const Config& c) { return to_string(c.last_layer); }},

    {"optimizer",
     "NAME[:OPTION=VALUE,...]",
     "Training",
     {},  // made from the tables of parameters, see options()
     [](Config& c, Text t) { c.optimizer = parse_optimizer(t); },
     [](const Config& c) { return to_string(c.optimizer); }},
    {"momentum", "M", "Training", "the same as --optimizer sgd:momentum=M",
     [](Config& c, Text t) { set_parameter(c.optimizer, "momentum", t); }, nullptr},
    {"nesterov", "", "Training", "the same as --optimizer sgd:nesterov=yes",
     [](Config& c, Text t) { set_parameter(c.optimizer, "nesterov", t); }, nullptr},
    {"weight-decay", "W", "Training", "the same as --optimizer ...:weight_decay=W",
     [](Config& c, Text t) { set_parameter(c.optimizer, "weight_decay", t); }, nullptr},
    {"lr", "RATE", "Training", "learning rate (0.1 (1 - momentum) for sgd, 0.001 for adam and adamw)",
     [](Config& c, Text t) { c.lr = parse_number(t, positive); }, [](const Config& c) { return shown(c.lr); }, true},
    {"schedule", "HOW", "Training",
     "how lr changes over the run (constant):\n"
     "  step:SHARE,...[,factor=F]     times F (0.1) after each of these shares, as in step:0.8,0.9\n"
     "  cosine[:minimum=M]            half a cosine down to M times lr (0)",
     [](Config& c, Text t) { c.schedule = parse_schedule(t); }, [](const Config& c) { return to_string(c.schedule); }},
    {"warmup", "EPOCHS", "Training", "lr rises from 0 over these first epochs, of which it may be a part (0)",
     [](Config& c, Text t) { c.warmup = parse_number(t, {.low = 0, .high = 1e9}); },
     [](const Config& c) { return fmt::format("{}", c.warmup); }},
    {"batch-size", "N", "Training", "samples in a step (128; 32 below 10,000 samples)",
     [](Config& c, Text t) { c.batch_size = parse_count(t, 1, most); },
     [](const Config& c) { return shown(c.batch_size); }},
    {"epochs", "N", "Training", "passes over the training samples (10; more for little data, about 2,000 steps)",
     [](Config& c, Text t) { c.epochs = parse_count(t, 1, most); }, [](const Config& c) { return shown(c.epochs); },
     true},
    {"patience", "N", "Training",
     "stop after N epochs without a better validation loss, and keep the best model (0: never)",
     [](Config& c, Text t) { c.patience = parse_count(t, 0, most); },
     [](const Config& c) { return fmt::format("{}", c.patience); }, true},
    {"seed", "N", "Training", "of weights, shuffling, splits and synthetic data: the same seed, the same model (0)",
     [](Config& c, Text t) { c.seed = parse_seed(t); }, [](const Config& c) { return fmt::format("{}", c.seed); }},
    {"threads", "N", "Training", "processors used; the model does not depend on it (all)",
     [](Config& c, Text t) { c.threads = static_cast<int>(parse_count(t, 1, 1024)); },
     [](const Config& c) { return shown(c.threads); }, true},
    {"tensorboard", "yes|no", "Training",
     "an event file in the run's folder, for tensorboard --logdir runs: losses by step and epoch, learning rate,\n"
     "histograms of the test losses (no)",
     [](Config& c, Text t) { c.tensorboard = parse_bool(t); }, [](const Config& c) { return yes_no(c.tensorboard); },
     true},
    {"charts", "FILES", "Training",
     "what the charts of the report are written as beside it: svg, png, svg,png or none (svg,png); PNG takes librsvg,\n"
     "Debian's librsvg2-2, and without it there is none",
     set_charts, [](const Config& c) { return std::string(name_of_choice(c.charts, chart_files)); }, true},
});

}  // namespace

std::string_view name_of(Sampling sampling) { return name_of_choice(sampling, samplings); }

std::span<const Option> options() {
  static const std::string of_optimizer =
      fmt::format("the rule that changes the parameters (adam):\n  {}", fmt::join(describe_optimizers(), "\n  "));
  static const auto all = [] {
    auto options = table;
    std::ranges::find(options, "optimizer", &Option::name)->help = of_optimizer;
    return options;
  }();
  return all;
}

}  // namespace perdita::train
