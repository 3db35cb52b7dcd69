#include "python/src/recorder.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/report/recorder.hpp"
#include "python/src/arrays.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

using report::Recorder;
using Values = Recorder::Values;

/// The options of a recorder as keywords of Python, which the package has checked.
report::RecorderOptions options_of(const nb::dict& given) {
  report::RecorderOptions options;
  const auto text = [&](const char* name) { return nb::cast<std::string>(given[name]); };
  const auto flag = [&](const char* name) { return nb::cast<bool>(given[name]); };
  options.data = text("data"), options.model = text("model");
  options.loss = text("loss"), options.evaluation_loss = text("evaluation_loss");
  if (const std::string scale = text("scale"); !scale.empty()) options.scale = evaluate::parse_scale(scale);
  options.class_names = nb::cast<std::vector<std::string>>(given["class_names"]);
  options.train_samples = nb::cast<std::int64_t>(given["num_samples"]);
  options.epochs = flag("manual") ? report::Epochs::manual : report::Epochs::automatic;
  options.epoch_samples = nb::cast<std::int64_t>(given["epoch_samples"]);
  options.configuration = nb::cast<std::vector<std::pair<std::string, std::string>>>(given["config"]);
  options.overwrite = flag("overwrite"), options.resume = flag("resume");
  options.tensorboard = flag("tensorboard");
  options.charts = {.svg = flag("svg"), .png = flag("png")};
  return options;
}

/// Reads arrays of Python; they stay alive as long as this object.
class Arrays {
 public:
  explicit Arrays(std::initializer_list<std::pair<nb::handle, const char*>> arrays) {
    for (const auto& [array, name] : arrays) operands_.add(array.ptr(), "Recorder", name);
  }
  const Tensor& operator[](std::size_t i) const { return operands_.tensors()[i]; }

 private:
  Operands operands_{Operands::Narrow::read};
};

void step(Recorder& recorder, nb::handle losses, nb::handle margins, nb::handle labels, nb::handle index, double loss) {
  const Arrays arrays{{losses, "losses"}, {margins, "margins"}, {labels, "labels"}, {index, "index"}};
  std::vector<std::int64_t> samples;
  if (arrays[3].defined()) samples = arrays[3].contiguous().to_vector<std::int64_t>();
  recorder.step({.loss = loss, .losses = arrays[0], .margins = arrays[1], .labels = arrays[2], .samples = samples});
}

void epoch(Recorder& recorder, nb::handle outputs, nb::handle targets, const Values& values) {
  const Arrays arrays{{outputs, "validation outputs"}, {targets, "validation targets"}};
  const nb::gil_scoped_release unlocked;
  recorder.epoch({arrays[0], arrays[1]}, values);
}

void finish(Recorder& recorder, nb::handle outputs, nb::handle targets, nb::handle test_outputs,
            nb::handle test_targets) {
  const Arrays arrays{{outputs, "validation outputs"},
                      {targets, "validation targets"},
                      {test_outputs, "test outputs"},
                      {test_targets, "test targets"}};
  const nb::gil_scoped_release unlocked;
  recorder.finish({arrays[0], arrays[1]}, {arrays[2], arrays[3]});
}

nb::dict to_dict(const report::MarginTracker::State& state) {
  nb::dict arrays;
  for (const auto& [name, tensor] : state) arrays[name.c_str()] = to_numpy(tensor);
  return arrays;
}

/// Copies of NumPy arrays.
report::MarginTracker::State from_dict(const nb::dict& arrays) {
  report::MarginTracker::State state;
  for (const auto& [name, array] : arrays) {
    Operands operands;
    operands.add(array.ptr(), "Recorder", "the state");
    state.emplace_back(nb::cast<std::string>(name), operands.tensors()[0].clone());
  }
  return state;
}

nb::list findings(const Recorder& recorder) {
  nb::list list;
  for (const diagnose::Finding& finding : recorder.diagnosis()) {
    nb::dict entry;
    entry["issue"] = diagnose::name_of(finding.issue);
    entry["text"] = finding.text;
    entry["advice"] = finding.advice;
    list.append(entry);
  }
  return list;
}

}  // namespace

void add_recorder(nb::module_& m) {
  nb::class_<Recorder>(m, "Recorder")
      .def("__init__", [](Recorder* self, const std::string& folder,
                          const nb::dict& options) { new (self) Recorder(folder, options_of(options)); })
      .def("set_loss", &Recorder::set_loss)
      .def("step", &step, nb::arg().none(), nb::arg().none(), nb::arg().none(), nb::arg().none(), nb::arg())
      .def("log", &Recorder::log)
      .def("epoch", &epoch, nb::arg().none(), nb::arg().none(), nb::arg())
      .def("finish", &finish, nb::arg().none(), nb::arg().none(), nb::arg().none(), nb::arg().none())
      .def("findings", &findings)
      .def("state",
           [](Recorder& recorder, bool with_samples) {
             const Recorder::State state = recorder.state(with_samples);
             return nb::make_tuple(state.counts, to_dict(state.samples));
           })
      .def("load_state",
           [](Recorder& recorder, const std::string& counts, const nb::dict& samples) {
             recorder.load_state({counts, from_dict(samples)});
           })
      .def("merge_epoch", &Recorder::merge_epoch)
      .def("merge_samples",
           [](Recorder& recorder, const nb::dict& samples) { recorder.merge_samples(from_dict(samples)); })
      .def("samples", [](const Recorder& recorder) { return to_dict(recorder.tracker().state_dict()); })
      .def("last_epoch", [](const Recorder& recorder) { return recorder.last_epoch(); })
      .def_prop_ro("epochs", &Recorder::epochs)
      .def_prop_ro("steps", &Recorder::steps)
      .def_prop_ro("is_finished", &Recorder::is_finished)
      .def_prop_ro("has_open_epoch", &Recorder::has_open_epoch);
}

}  // namespace perdita::python
