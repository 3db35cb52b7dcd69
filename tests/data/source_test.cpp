#include "perdita/data/source.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>

#include "data/files.hpp"
#include "perdita/data/npy.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

template <class E>
std::string message(std::string_view spec) {
  return message_of<E>([&] { load(spec); });
}

Ints classes(const Dataset& dataset) {
  return {dataset.targets.data<std::int64_t>(), dataset.targets.data<std::int64_t>() + dataset.size()};
}

// Facts about the data set that its own README and zcat | od give.
TEST(Source, FashionMnistIsWhatDebianShips) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "dataset-fashion-mnist is missing";
  const Source source = load("fashion-mnist");
  EXPECT_EQ(source.train.inputs.shape, (Shape{60000, 28, 28}));
  EXPECT_EQ(source.test->inputs.shape, (Shape{10000, 28, 28}));
  EXPECT_EQ(source.train.class_counts(), Ints(10, 6000));
  EXPECT_EQ(source.test->class_counts(), Ints(10, 1000));
  const auto sum = [](const Array& array) {
    return std::accumulate(array.data<std::uint8_t>(), array.data<std::uint8_t>() + array.size(), std::int64_t{0});
  };
  EXPECT_EQ(sum(source.train.inputs), 3431114169);
  EXPECT_EQ(sum(source.test->inputs), 573469082);
  EXPECT_EQ(source.train.class_names[9], "Ankle boot");
  EXPECT_EQ(classes(source.train)[0], 9);
  EXPECT_EQ(source.test->class_names, source.train.class_names);
}

TEST(Source, MissingFashionMnistNamesThePackage) {
  const auto text = message_of<FileError>([] { load_fashion_mnist("/nowhere/fashion-mnist"); });
  EXPECT_CONTAINS(text, "/nowhere/fashion-mnist");
  EXPECT_CONTAINS(text, "apt install dataset-fashion-mnist");
}

std::string idx_of(const std::vector<int>& sizes, const std::string& bytes) {
  std::string text{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (int size : sizes) text += std::string(3, '\0') + static_cast<char>(size);
  return text + bytes;
}

TEST(Source, IdxFolders) {
  Folder folder;
  const std::string spec = "idx:" + folder.path().string();
  EXPECT_CONTAINS(message<FileError>(spec), "no train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz] in");
  write_file_atomically(folder / "train-images-idx3-ubyte", idx_of({3, 1, 2}, "abcdef"));
  EXPECT_CONTAINS(message<FileError>(spec), "has train-images without train-labels-idx1-ubyte[.gz]");
  write_file_atomically(folder / "train-labels.idx1-ubyte", idx_of({3}, {0, 2, 1}));
  EXPECT_EQ(load(spec).train.inputs.shape, (Shape{3, 1, 2}));
  EXPECT_FALSE(load(spec).test);
  write_file_atomically(folder / "t10k-images-idx3-ubyte", idx_of({1, 1, 2}, "ab"));
  write_file_atomically(folder / "t10k-labels-idx1-ubyte", idx_of({1}, {0}));
  EXPECT_EQ(load(spec).test->num_classes(), 3);  // as many as there are to train on
  EXPECT_EQ(load(spec).test->task, Task::multiclass);
  write_file_atomically(folder / "t10k-labels-idx1-ubyte", idx_of({1}, {7}));
  EXPECT_CONTAINS(message<DataError>(spec), "the test set has class 7, which the training set lacks (valid: 0..2)");
  write_file_atomically(folder / "t10k-labels-idx1-ubyte", idx_of({2}, {0, 1}));
  EXPECT_CONTAINS(message<DataError>(spec), "has shape [1, 1, 2] and");
  write_file_atomically(folder / "t10k-labels-idx1-ubyte", "junk");
  EXPECT_CONTAINS(message<DataError>(spec), "t10k-labels-idx1-ubyte: not an IDX file");
}

TEST(Source, Csv) {
  Folder folder;
  const std::string file = (folder / "a,b.csv").string(), spec = "csv:" + file;
  write_file_atomically(file, "x;kind;y\n1;cat;0\n2;dog;1\n3;cat;1\n");
  const Source source = load(spec + ",separator=semicolon,target=kind,header=yes");
  EXPECT_EQ(source.train.class_names, (Names{"cat", "dog"}));
  EXPECT_EQ(source.train.task, Task::binary);
  EXPECT_EQ(source.train.inputs.shape, (Shape{3, 2}));
  EXPECT_FALSE(source.test);
  EXPECT_EQ(source.train.columns.at(1).name, "y");
  EXPECT_EQ(load(spec).train.columns.at(1).categories, (Names{"cat", "dog"}));
  EXPECT_EQ(load(spec + ",drop=kind").train.columns.size(), 1u);
  EXPECT_EQ(load(spec + ",columns=x;0").train.columns.size(), 1u);
  EXPECT_EQ(load(spec + ",category=x;kind").train.columns.at(0).categories, (Names{"1", "2", "3"}));
  EXPECT_CONTAINS(message<ValueError>(spec + ",drop=x;"), "drop is 'x;' (valid: COLUMN or COLUMN;COLUMN;...)");
  EXPECT_CONTAINS(message<ValueError>(spec + ",headr=yes"),
                  "unknown option 'headr' (valid: target, columns, drop, category, header, separator, task)");
  EXPECT_CONTAINS(message<ValueError>(spec + ",header=maybe"), "header: got 'maybe' (valid: detect, yes, no)");
  EXPECT_CONTAINS(message<ValueError>(spec + ",header=no,header=no"), "option 'header' is given twice");
  EXPECT_CONTAINS(message<ValueError>(spec + ",header=no,c.csv"), "'c.csv' follows the options");
  EXPECT_CONTAINS(message<FileError>("csv:/nowhere/x.csv"), "/nowhere/x.csv");
  write_file_atomically(file, "1,0\n2,1\n3,3\n");
  EXPECT_EQ(load(spec).train.task, Task::regression);
  EXPECT_EQ(load(spec + ",task=multiclass").train.class_names, (Names{"0", "1", "3"}));
  EXPECT_CONTAINS(message<DataError>(spec + ",task=binary"),
                  "a,b.csv: Dataset::as: the data have 3 classes (valid for a binary task: 2)");
}

TEST(Source, CsvWithMissingTargets) {
  Folder folder;
  const std::string file = (folder / "t.csv").string();
  write_file_atomically(file, "id,x,y\na,1,\nb,2,5\nc,3,6\n");
  const Source source = load("csv:" + file);
  EXPECT_EQ(source.train.rows, (Ints{1, 2}));
  EXPECT_EQ(source.train.select(Ints{1}).rows, Ints{2});
  EXPECT_EQ(source.train.notes,
            (Names{"left out: column 0 'id' has 3 different values in 3 rows, as identifiers and free text "
                   "have; category=id keeps it",
                   "left out: 1 of 3 rows, whose target 'y' is missing"}));
}

TEST(Source, CompressedCsv) {
  Folder folder;
  const std::string file = (folder / "t.csv").string(), packed = file + ".gz";
  std::string text = "a;kind;y\n";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("{};{};{}\n", i % 97, i % 3 ? "cat" : "dog", i % 11);
  write_file_atomically(file, text);
  ASSERT_EQ(std::system(fmt::format("gzip -k '{}'", file).c_str()), 0);
  const Dataset plain = load("csv:" + file).train, inflated = load("csv:" + packed).train;
  EXPECT_EQ(inflated.columns, plain.columns);
  ASSERT_EQ(inflated.inputs.bytes(), plain.inputs.bytes());
  EXPECT_EQ(std::memcmp(inflated.inputs.buffer.data(), plain.inputs.buffer.data(), plain.inputs.bytes()), 0);
  const std::string bytes = read_file(packed);
  write_file_atomically(packed, bytes.substr(0, bytes.size() / 2));
  EXPECT_CONTAINS(message<DataError>("csv:" + packed), "the gzip data ends unexpectedly");
  write_file_atomically(file, std::string(100'000'000, '\n'));
  ASSERT_EQ(std::system(fmt::format("gzip -kf '{}'", file).c_str()), 0);
  EXPECT_CONTAINS(message<DataError>("csv:" + packed), "bytes of text, 200 times its size (valid: after gunzip");
}

Array floats(const Shape& shape, std::initializer_list<float> values) {
  Array array = Array::empty(shape, DType::float32);
  std::copy(values.begin(), values.end(), array.data<float>());
  return array;
}

TEST(Source, Npy) {
  Folder folder;
  const std::string x = (folder / "x.npy").string(), y = (folder / "y.npy").string(), spec = "npy:" + x + "," + y;
  Array doubles = Array::empty({3, 2}, DType::float64), labels = Array::empty({3, 1}, DType::int32);
  std::iota(doubles.data<double>(), doubles.data<double>() + 6, 0.5);
  std::iota(labels.data<std::int32_t>(), labels.data<std::int32_t>() + 3, 0);
  write_npy(x, doubles);
  write_npy(y, labels);
  EXPECT_EQ(classes(load(spec).train), (Ints{0, 1, 2}));
  EXPECT_EQ(load(spec).train.inputs.data<float>()[5], 5.5f);
  EXPECT_EQ(load(spec + ",task=regression").train.targets.data<float>()[2], 2.0f);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_npy(y, floats({3}, {1, nan, 2}));
  EXPECT_CONTAINS(message<DataError>(spec), "y.npy: Dataset: target[1] is nan (valid: finite numbers)");
  write_npy(y, floats({2}, {1, 2}));
  EXPECT_CONTAINS(message<DataError>(spec), "inputs have shape [3, 2] and targets [2]");
  write_npy(x, floats({2, 2}, {1, 2, 3, nan}));
  EXPECT_CONTAINS(message<DataError>(spec), "x.npy: input[1] contains nan (valid: finite numbers)");
  EXPECT_CONTAINS(message<ValueError>("npy:" + x), "1 files are given (valid: npy:X,Y[,task=TASK])");
  EXPECT_CONTAINS(message<ValueError>(spec + ",target=1"), "unknown option 'target' (valid: task)");
}

TEST(Source, Synthetic) {
  const Source source = load("synthetic:imbalanced-blobs,samples=1100,noise=0.5,ratio=10,classes=2,features=4", 3);
  EXPECT_EQ(source.train.class_counts(), (Ints{1000, 100}));
  EXPECT_EQ(source.train.sample_shape(), Shape{4});
  EXPECT_CONTAINS(message<ValueError>("synthetic:blob"), "unknown problem 'blob' (valid: linear, ");
  EXPECT_CONTAINS(message<ValueError>("synthetic:blobs,samples=many"), "samples is 'many' (valid: a number)");
  EXPECT_CONTAINS(message<ValueError>("synthetic:blobs,size=3"), "unknown option 'size' (valid: samples, noise,");
}

TEST(Source, UnknownOnesListTheValidOnes) {
  EXPECT_CONTAINS(message<ValueError>("mnist"),
                  "data 'mnist': unknown source 'mnist' (valid: fashion-mnist, idx:DIR, csv:FILE");
  EXPECT_CONTAINS(message<ValueError>("fashion-mnist:x"), "unknown source");
  EXPECT_CONTAINS(message<ValueError>(""), "unknown source ''");
  EXPECT_CONTAINS(message<ValueError>("csv:"), "the value after 'csv:' is missing");
  EXPECT_CONTAINS(message<ValueError>("csv"), "the value after 'csv:' is missing");
}

}  // namespace
}  // namespace perdita::data
