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
     "training data:\n"
     "  fashion-mnist                 the Debian package dataset-fashion-mnist\n"
     "  idx:DIR                       files named as in MNIST, optionally gzipped\n"
     "  csv:FILE[,target=COLUMN][,columns=COLUMNS][,drop=COLUMNS][,category=COLUMNS][,header=H][,separator=S]\n"
     "      [,task=TASK]              table of numbers, booleans, dates and categories, optionally gzipped; values may "
     "be\n"
     "                                missing\n"
     "                                COLUMN: name or index, starting at 0 (default: the last column)\n"
     "                                COLUMNS: columns separated by semicolons; columns: the inputs (default: all "
     "others),\n"
     "                                drop: not read, category: read as categories, also if they are numbers\n"
     "                                H: whether the first line contains column names: yes, no or detect (default: "
     "detect)\n"
     "                                S: column separator: comma, semicolon, tab or detect (default: detect)\n"
     "  npy:X,Y[,task=TASK]           NumPy arrays of inputs and targets\n"
     "  synthetic:NAME[,samples=N][,noise=S][,features=N][,classes=N][,ratio=R]\n"
     "                                linear, sine, moons, circles, blobs, spirals, imbalanced-blobs\n"
     "TASK is regression, binary or multiclass (default: inferred from the targets)",
     [](Config& c, Text t) { c.data = t; }, [](const Config& c) { return c.data; }},
    {"val-fraction", "F", "Data",
     "fraction of the training samples held out for validation (default: 0.1; 0: no validation set)",
     [](Config& c, Text t) { c.val_fraction = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.val_fraction); }},
    {"test-fraction", "F", "Data",
     "fraction of all samples held out for testing, if the data have no separate test set (default: 0.2)",
     [](Config& c, Text t) { c.test_fraction = parse_number(t, fraction); },
     [](const Config& c) { return shown(c.test_fraction); }},
    {"standardize", "yes|no", "Data",
     "scale inputs to mean 0 and standard deviation 1, and regression targets likewise (default: yes; no for\n"
     "synthetic data). The scaling is part of the model; losses are in the original unit of the targets",
     [](Config& c, Text t) { c.standardize = parse_bool(t); },
     [](const Config& c) { return c.standardize ? yes_no(*c.standardize) : ""; }},
    {"imbalance", "HOW", "Data",
     "subsample the training and validation sets to make the classes imbalanced, keeping the first samples of\n"
     "each class; the test set is unchanged (default: none):\n"
     "  longtail:R                    class i of 0..K-1 keeps n R^(-i/(K-1)) samples, where n is the size of the "
     "largest class\n"
     "  step:R                        the second half of the classes keeps n / R samples",
     [](Config& c, Text t) { c.imbalance = data::parse_imbalance(t); },
     [](const Config& c) { return to_string(c.imbalance); }},
    {"label-noise", "F", "Data",
     "fraction of the training and validation labels replaced by another class, to measure how robust a loss\n"
     "and the ranking of suspects are; the test set is unchanged (default: 0)",
     [](Config& c, Text t) { c.label_noise = parse_number(t, probabilities); },
     [](const Config& c) { return fmt::format("{}", c.label_noise); }},
    {"sampling", "HOW", "Data",
     "how an epoch draws its samples (default: shuffle):\n"
     "  shuffle                       every sample once\n"
     "  balanced                      the same number of samples, drawn with replacement, all classes equally likely\n"
     "  oversample                    repeat samples until every class has as many as the largest\n"
     "  undersample                   from each class as many samples as the smallest has, chosen anew in every epoch",
     [](Config& c, Text t) { c.sampling = parse_choice(t, samplings); },
     [](const Config& c) { return std::string(name_of(c.sampling)); }},

    {"loss", "NAME[:OPTION=VALUE,...]", "Loss",
     "loss to minimize; 'perdita losses' lists all losses, 'perdita explain NAME' describes one; or a sum of losses:\n"
     "  0.7*cross_entropy + 0.3*focal           weights that are numbers\n"
     "  mse + linear(0,1,epochs=10)*l1          or linear, cosine or step (FROM,TO,epochs=N)\n"
     "  learned*mse + learned*huber             or learned\n"
     "(default: mse for regression, binary_cross_entropy_with_logits for two classes, cross_entropy for more)",
     [](Config& c, Text t) { c.loss = parse_loss_sum(t); },
     [](const Config& c) { return c.loss ? to_string(*c.loss) : ""; }},
    {"class-weights", "HOW", "Loss",
     "weight of each class in the loss (default: none); 'perdita weights' prints them. For a class with n samples:\n"
     "  balanced                      samples / (classes * n)\n"
     "  inverse, inverse_sqrt         proportional to 1 / n, 1 / sqrt(n)\n"
     "  effective_number:BETA         proportional to (1 - BETA) / (1 - BETA^n) (default: 0.9999)\n"
     "  SCHEME,cap=R                  no weight more than R times the smallest, for example balanced,cap=10\n"
     "  FILE                          text file with one weight per class",
     [](Config& c, Text t) { c.class_weights = parse_class_weights(t); },
     [](const Config& c) { return to_string(c.class_weights); }},
    {"pos-weight", "HOW", "Loss",
     "for two classes, weight of the positive class: a number, or balanced (negatives / positives), optionally\n"
     "limited as in balanced,cap=R (default: none)",
     [](Config& c, Text t) { c.pos_weight = parse_pos_weight(t); },
     [](const Config& c) { return to_string(c.pos_weight); }},

    {"normalize-by", "WHAT", "Loss",
     "divisor of the loss of a batch (default: standard):\n"
     "  count                         number of samples\n"
     "  weight_sum                    sum of the weights of the samples\n"
     "  standard                      weight_sum for the losses of the softmax family, count for others\n"
     "If the mean weight is below 1, count results in smaller steps than weight_sum",
     [](Config& c, Text t) { c.normalize_by = parse_choice(t, denominators); },
     [](const Config& c) { return std::string(name_of_choice(c.normalize_by, denominators)); }},
    {"defer-weights", "F", "Loss",
     "fraction of the run after which the weights apply; 0.8 is the deferred re-weighting of Cao et al. (2019)\n"
     "(default: 0)",
     [](Config& c, Text t) { c.defer_weights = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.defer_weights); }},

    {"hidden", "SIZES", "Model", "sizes of the hidden layers, for example 256,128; none: a linear model (default: 128)",
     [](Config& c, Text t) { c.hidden = parse_sizes(t); },
     [](const Config& c) { return c.hidden.empty() ? "none" : fmt::format("{}", fmt::join(c.hidden, ",")); }},
    {"dropout", "P", "Model", "probability that a hidden unit is dropped in a training step (default: 0)",
     [](Config& c, Text t) { c.dropout = parse_number(t, fraction); },
     [](const Config& c) { return fmt::format("{}", c.dropout); }},
    {"last-layer", "HOW", "Model",
     "last layer of a classifier (default: linear):\n"
     "  linear                        weights and a bias\n"
     "  cosine[:scale=S]              S times the cosine similarity of the features and the weights of each class, as "
     "in the\n"
     "                                paper on ldam (default: 30; 1 for ldam, which has its own scale)",
     [](Config& c, Text t) { c.last_layer = parse_last_layer(t); },
     [](const Config& c) { return to_string(c.last_layer); }},

    {"optimizer",
     "NAME[:OPTION=VALUE,...]",
     "Training",
     {},  // made from the tables of parameters, see options()
     [](Config& c, Text t) { c.optimizer = parse_optimizer(t); },
     [](const Config& c) { return to_string(c.optimizer); }},
    {"momentum", "M", "Training", "same as --optimizer sgd:momentum=M",
     [](Config& c, Text t) { set_parameter(c.optimizer, "momentum", t); }, nullptr},
    {"nesterov", "", "Training", "same as --optimizer sgd:nesterov=yes",
     [](Config& c, Text t) { set_parameter(c.optimizer, "nesterov", t); }, nullptr},
    {"weight-decay", "W", "Training", "same as --optimizer ...:weight_decay=W",
     [](Config& c, Text t) { set_parameter(c.optimizer, "weight_decay", t); }, nullptr},
    {"lr", "RATE", "Training", "learning rate (default: 0.1 (1 - momentum) for sgd, 0.001 for adam and adamw)",
     [](Config& c, Text t) { c.lr = parse_number(t, positive); }, [](const Config& c) { return shown(c.lr); }, true},
    {"schedule", "HOW", "Training",
     "learning rate schedule (default: constant):\n"
     "  step:FRACTION,...[,factor=F]  multiply by F (default: 0.1) after each of these fractions of the run, for "
     "example\n"
     "                                step:0.8,0.9\n"
     "  cosine[:minimum=M]            cosine annealing to M times the learning rate (default: 0)",
     [](Config& c, Text t) { c.schedule = parse_schedule(t); }, [](const Config& c) { return to_string(c.schedule); }},
    {"warmup", "EPOCHS", "Training",
     "number of epochs, possibly fractional, over which the learning rate rises from 0 (default: 0)",
     [](Config& c, Text t) { c.warmup = parse_number(t, {.low = 0, .high = 1e9}); },
     [](const Config& c) { return fmt::format("{}", c.warmup); }},
    {"batch-size", "N", "Training", "samples per step (default: 128; 32 for fewer than 10,000 samples)",
     [](Config& c, Text t) { c.batch_size = parse_count(t, 1, most); },
     [](const Config& c) { return shown(c.batch_size); }},
    {"epochs", "N", "Training",
     "passes over the training samples (default: 10; more for small data sets, about 2,000 steps)",
     [](Config& c, Text t) { c.epochs = parse_count(t, 1, most); }, [](const Config& c) { return shown(c.epochs); },
     true},
    {"patience", "N", "Training",
     "stop after N epochs without a lower validation loss and keep the best model (default: 0, disabled)",
     [](Config& c, Text t) { c.patience = parse_count(t, 0, most); },
     [](const Config& c) { return fmt::format("{}", c.patience); }, true},
    {"seed", "N", "Training",
     "seed of weights, shuffling, splits and synthetic data; equal seeds give equal models (default: 0)",
     [](Config& c, Text t) { c.seed = parse_seed(t); }, [](const Config& c) { return fmt::format("{}", c.seed); }},
    {"threads", "N", "Training", "number of threads; does not affect the model (default: all processors)",
     [](Config& c, Text t) { c.threads = static_cast<int>(parse_count(t, 1, 1024)); },
     [](const Config& c) { return shown(c.threads); }, true},
    {"tensorboard", "yes|no", "Training",
     "write an event file for 'tensorboard --logdir runs': losses by step and epoch, learning rate, histograms of\n"
     "the test losses (default: no)",
     [](Config& c, Text t) { c.tensorboard = parse_bool(t); }, [](const Config& c) { return yes_no(c.tensorboard); },
     true},
    {"charts", "FILES", "Training",
     "file formats of the charts, in addition to the report: svg, png, svg,png or none (default: svg,png). PNG\n"
     "needs librsvg (Debian: librsvg2-2) and is skipped without it",
     set_charts, [](const Config& c) { return std::string(name_of_choice(c.charts, chart_files)); }, true},
});

}  // namespace

std::string_view name_of(Sampling sampling) { return name_of_choice(sampling, samplings); }

std::span<const Option> options() {
  static const std::string of_optimizer =
      fmt::format("optimizer (default: adam):\n  {}", fmt::join(describe_optimizers(), "\n  "));
  static const auto all = [] {
    auto options = table;
    std::ranges::find(options, "optimizer", &Option::name)->help = of_optimizer;
    return options;
  }();
  return all;
}

}  // namespace perdita::train
