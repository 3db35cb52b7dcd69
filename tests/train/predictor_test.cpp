// A model that was written and read again predicts what it predicted in its run.
#include "perdita/train/predictor.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/npy.hpp"
#include "perdita/data/safetensors.hpp"
#include "perdita/data/source.hpp"
#include "perdita/train/run.hpp"

namespace perdita::train {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using TrainingRun = ::perdita::train::Run;

struct Predictor : ::testing::Test {
  fs::path root =
      fs::temp_directory_path() /
      fmt::format("perdita-predict-{}-{}", ::getpid(), ::testing::UnitTest::GetInstance()->current_test_info()->name());
  Predictor() {
    fs::remove_all(root);
    fs::create_directory(root);
  }
  ~Predictor() override { fs::remove_all(root); }

  std::string write(const std::string& name, const std::string& text) const {
    write_file_atomically(root / name, text);
    return (root / name).string();
  }
  /// Trains and returns the finished run.
  TrainingRun train(const std::string& data, const char* loss = "", double dropout = 0,
                    const char* last_layer = "linear") const {
    Config config;
    config.data = data;
    if (*loss != '\0') config.loss = parse_loss_sum(loss);
    config.hidden = {9, 5};
    config.dropout = dropout;
    config.last_layer = parse_last_layer(last_layer);
    config.epochs = 2;
    config.threads = 1;
    config.charts = {.svg = false, .png = false};
    TrainingRun run(prepare(config), root / "run", true);
    run.train({});
    run.finish();
    return run;
  }
};

/// Rows of a table with all types of columns; `target` of a row.
template <class Target>
std::string table(int rows, Target&& target, bool shuffled = false) {
  std::mt19937_64 draw(5);
  std::string text = shuffled ? "extra,city,born,member,age\n" : "age,member,born,city,y\n";
  for (int i = 0; i < rows; ++i) {
    const std::string age = draw() % 6 == 0 ? "NA" : fmt::format("{}", 20 + draw() % 50);
    const std::string member = draw() % 2 == 0 ? "yes" : "no",
                      born = fmt::format("19{}-0{}-11", 50 + draw() % 50, 1 + draw() % 9);
    const std::string city = Names{"Oslo", "Rome", "\"Bonn, D\"", ""}[draw() % 4];
    text += shuffled ? fmt::format("x{},{},{},{},{}\n", i, city, born, member, age)
                     : fmt::format("{},{},{},{},{}\n", age, member, born, city, target(i));
  }
  return text;
}
std::string number(int i) { return fmt::format("{}", (i * 37 % 101) / 7.0 + 1); }
std::string word(int i) { return i % 3 == 0 ? "cat" : i % 3 == 1 ? "dog" : "owl"; }

/// The outputs of the run's model for the whole table, computed from the dataset of the run.
Tensor outputs_of(const TrainingRun& run, const std::string& data) {
  const NoGrad no_grad;
  const data::Dataset encoded = run.problem().encoding.apply(data::load(data).train);
  return run.trainer().model()(Tensor::from(encoded.inputs));
}
std::vector<float> floats(const Tensor& tensor) { return tensor.contiguous().to_vector<float>(); }
std::vector<float> values(const Predictions& p) {
  return {p.values.data<float>(), p.values.data<float>() + p.values.size()};
}

Predictions predict_file(const fs::path& run, const std::string& file) {
  const SavedModel model = read_model(run);
  return predict(model, read_inputs(model, file).samples);
}

TEST_F(Predictor, ATableByNameInAnyOrder) {
  const std::string data = "csv:" + write("t.csv", table(90, number));
  const TrainingRun run = train(data);
  const Predictions found = predict_file(root / "run", write("new.csv", table(90, number, true)));
  EXPECT_EQ(found.columns, Names{"prediction"});
  EXPECT_EQ(values(found), floats(outputs_of(run, data)));
  EXPECT_TRUE(found.classes.empty());
}

TEST_F(Predictor, ClassesAndProbabilities) {
  for (const auto& [loss, last_layer] : {std::pair{"cross_entropy", "linear"}, {"focal:gamma=1.5", "cosine:scale=7"}}) {
    SCOPED_TRACE(loss);
    const std::string data = "csv:" + write("t.csv", table(90, word));
    const TrainingRun run = train(data, loss, 0.3, last_layer);
    const Predictions found = predict_file(root / "run" / "model.safetensors", write("new.csv", table(90, word, true)));
    EXPECT_EQ(found.columns, (Names{"probability_cat", "probability_dog", "probability_owl"}));
    const Tensor expected = softmax(outputs_of(run, data), 1);
    EXPECT_EQ(values(found).size(), 270u);
    const std::vector<float> probabilities = floats(expected);
    for (std::size_t i = 0; i < 270; ++i) EXPECT_NEAR(values(found)[i], probabilities[i], 1e-6);
    EXPECT_EQ(found.classes, argmax(expected, 1).to_vector<std::int64_t>());
  }
}

TEST_F(Predictor, TwoClasses) {
  const std::string data = "csv:" + write("t.csv", table(90, [](int i) { return i % 2 == 0 ? "a" : "b"; }));
  for (const char* loss : {"binary_cross_entropy_with_logits", "binary_cross_entropy"}) {
    SCOPED_TRACE(loss);
    const TrainingRun run = train(data, loss);
    const Predictions found = predict_file(root / "run", (root / "t.csv").string());
    EXPECT_EQ(found.columns, (Names{"probability_a", "probability_b"}));
    const std::vector<float> outputs = floats(outputs_of(run, data));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const double y = static_cast<double>(outputs[i]), p = loss[20] == '\0' ? y : 1 / (1 + std::exp(-y));
      EXPECT_NEAR(static_cast<double>(values(found)[2 * i + 1]), p, 1e-6);
      EXPECT_NEAR(static_cast<double>(values(found)[2 * i]), 1 - p, 1e-6);
      EXPECT_EQ(found.classes[i], p > 0.5);
    }
  }
}

TEST_F(Predictor, QuantilesVariancesAndRates) {
  const std::string data = "csv:" + write("t.csv", table(90, number));
  {
    const TrainingRun run = train(data, "quantile:q=0.1/0.5/0.9");
    const Predictions found = predict_file(root / "run", (root / "t.csv").string());
    EXPECT_EQ(found.columns, (Names{"quantile_0.1", "quantile_0.5", "quantile_0.9"}));
    EXPECT_EQ(values(found), floats(outputs_of(run, data)));
  }
  {
    const TrainingRun run = train(data, "gaussian_nll");
    const Predictions found = predict_file(root / "run", (root / "t.csv").string());
    EXPECT_EQ(found.columns, (Names{"prediction", "variance"}));
    EXPECT_EQ(values(found), floats(outputs_of(run, data)));
  }
  const TrainingRun run = train(data, "poisson_nll");
  const Predictions found = predict_file(root / "run", (root / "t.csv").string());
  EXPECT_EQ(values(found), floats(exp(outputs_of(run, data))));
}

TEST_F(Predictor, UnknownCategoriesAndMissingValuesAreReported) {
  train("csv:" + write("t.csv", "age,city,y\n1,A,2\n2,B,3\n4,A,3\n7,B,2\n2,A,5\n3,A,1\n5,B,4\n6,B,2\n"));
  const SavedModel model = read_model(root / "run");
  const ModelInputs inputs = read_inputs(model, write("n.csv", "city,age\nA,\nC,2\nD,2\n,1\n"));
  EXPECT_EQ(inputs.warnings,
            (Names{"1 values of the column 'age' are missing, as none was in training; the median replaces them",
                   "2 values of the column 'city' are not among the 2 categories of the model, for example 'C'",
                   "1 values of the column 'city' are missing, as none was in training"}));
  const float median = model.encoding.columns()[0].median;
  const float* x = inputs.samples.inputs.data<float>();
  EXPECT_EQ(std::vector<float>(x, x + 12), (std::vector<float>{median, 1, 0, 2, 0, 0, 2, 0, 0, 1, 0, 0}));
}

std::string message_of(auto&& work) {
  try {
    work();
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_F(Predictor, FilesThatDoNotFitAreRefused) {
  train("csv:" + write("t.csv", table(60, number)));
  const auto message = [&](const std::string& text) {
    return message_of([&] { predict_file(root / "run", write("n.csv", text)); });
  };
  EXPECT_NE(message("member,born,city\nyes,,A\n").find("column 'age' does not exist (valid: -3..2, 'member', 'born'"),
            std::string::npos);
  EXPECT_NE(message("age,member,born,city\n1,yes,,A\nx,no,,B\n")
                .find("line 3, column 0 'age': the value is not a number, got 'x' (valid: a finite number"),
            std::string::npos);
  EXPECT_NE(message("age,member,born,city\n1,maybe,,A\n").find("column 1 'member': the value is not a boolean"),
            std::string::npos);
  EXPECT_NE(
      message("age,member,born,city\n1,yes,soon,A\n").find("column 2 'born': the value is not a date, got 'soon'"),
      std::string::npos);
  EXPECT_NE(message("age,member,born,city\n").find("no data after the header"), std::string::npos);
  EXPECT_NE(
      message_of([&] { read_model(root); }).find("has no model.safetensors (valid: the folder of a finished run)"),
      std::string::npos);
}

TEST_F(Predictor, ArraysAndFilesWithoutAHeader) {
  const std::string x = (root / "x.npy").string(), y = (root / "y.npy").string();
  const Tensor inputs =
      Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 9, 11, 10, 12, 1, 5, 3, 8, 2}).reshape({8, 2});
  data::write_npy(x, inputs.to_array());
  data::write_npy(y, Tensor::from(std::vector<float>{1, 2, 3, 4, 3, 2, 1, 5}).to_array());
  {
    const TrainingRun run = train("npy:" + x + "," + y);
    const NoGrad no_grad;
    EXPECT_EQ(values(predict_file(root / "run", x)), floats(run.trainer().model()(inputs)));
    EXPECT_NE(message_of([&] { predict_file(root / "run", y); }).find("shape [8] (valid: [N, 2]"), std::string::npos);
    EXPECT_NE(message_of([&] { predict_file(root / "run", write("t.csv", "1,2\n")); }).find("is not an NPY file"),
              std::string::npos);
  }
  train("csv:" + write("t.csv", "1,2,1\n3,4,2\n5,6,3\n7,9,4\n11,10,3\n12,1,2\n5,3,1\n8,2,5\n"));
  const std::vector<float> found = values(predict_file(root / "run", (root / "t.csv").string()));
  EXPECT_EQ(values(predict_file(root / "run", x)), found);
  EXPECT_EQ(values(predict_file(root / "run", write("u.csv", "1,2\n3,4\n"))),
            std::vector(found.begin(), found.begin() + 2));
}

TEST_F(Predictor, ArraysForATableOfNumbers) {
  std::string text = "t,x,y\n";
  std::vector<double> rows;
  for (int i = 0; i < 40; ++i) {
    const double x = i % 6 == 0 ? std::nan("") : i * i % 11;
    text += fmt::format("{},{},{}\n", 1'000'000'000 + i, x, i % 7);
    rows.insert(rows.end(), {1e9 + i, x});
  }
  train("csv:" + write("t.csv", text));
  const std::string x = (root / "x.npy").string();
  data::write_npy(x, Tensor::from(rows).reshape({-1, 2}).to_array());
  EXPECT_EQ(values(predict_file(root / "run", x)), values(predict_file(root / "run", (root / "t.csv").string())));
  train("csv:" + (root / "t.csv").string() + ",category=x");
  EXPECT_NE(message_of([&] { predict_file(root / "run", x); }).find("has categories (valid: a CSV file)"),
            std::string::npos);
}

TEST_F(Predictor, DamagedModelsAreRefused) {
  train("csv:" + write("t.csv", table(60, word)));
  const fs::path file = root / "run" / "model.safetensors";
  const data::SafeTensors whole = data::read_safetensors(file);
  const std::string facts = whole.metadata.at("perdita_model");
  const auto changed = [&](const std::string& from, const std::string& to) {
    data::SafeTensors model = whole;
    std::string text = facts;
    EXPECT_NE(text.find(from), std::string::npos) << from;
    model.metadata["perdita_model"] = text.replace(text.find(from), from.size(), to);
    data::write_safetensors(file, model);
    return message_of([&] { read_model(file); });
  };
  EXPECT_EQ(changed("mlp", "mlp"), "accepted");
  EXPECT_NE(changed("\"mlp\"", "\"tree\"").find("model is \"tree\" (valid: mlp)"), std::string::npos);
  EXPECT_NE(changed("\"boolean\"", "\"bool\"").find("kind is 'bool' (valid: number, boolean"), std::string::npos);
  EXPECT_NE(changed("\"Oslo\",", "").find("the columns have"), std::string::npos);
  EXPECT_NE(changed("\"Oslo\"", "\"Zulu\"").find("a list in ascending order"), std::string::npos);
  EXPECT_NE(changed("\"cat\",", "").find("the network has 3 outputs"), std::string::npos);
  for (const auto& [name, array] : whole.tensors) {
    data::SafeTensors model = whole;
    model.tensors.erase(name);
    data::write_safetensors(file, model);
    EXPECT_NE(message_of([&] { read_model(file); }), "accepted") << name;
  }
  data::write_safetensors(file, {});
  EXPECT_NE(message_of([&] { read_model(file); }).find("has no perdita_model in its metadata"), std::string::npos);
}

TEST_F(Predictor, CsvOfPredictions) {
  Predictions p{.classes = {1, 0}, .columns = {"probability_a, b", "probability_c"}, .values = {}};
  p.values = Tensor::from(std::vector<float>{0.25f, 0.75f, 0.9f, 0.1f}).reshape({2, 2}).to_array();
  EXPECT_EQ(to_csv(p, {"a, b", "c"}), "prediction,\"probability_a, b\",probability_c\nc,0.25,0.75\n\"a, b\",0.9,0.1\n");
}

}  // namespace
}  // namespace perdita::train
