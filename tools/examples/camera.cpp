// As camera.c begins, in C++17: a model from memory on a picture from memory, and where its prediction comes from.
//
//     c++ -std=c++17 camera.cpp $(pkg-config --cflags --libs fovea) -o camera && ./camera model.onnx
#include <fovea.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <vector>

namespace
{

struct Free {
    void operator()(fovea *context) const
    {
        fovea_close(context);
    }
    void operator()(fovea_model *model) const
    {
        fovea_model_free(model);
    }
    void operator()(fovea_session *session) const
    {
        fovea_session_free(session);
    }
};
template <class Object> using Owned = std::unique_ptr<Object, Free>;

// What fovea made, or its error as an exception.
template <class Object> Owned<Object> owned(Object *made, const fovea_error &error)
{
    return made ? Owned<Object>(made) : throw std::runtime_error(error.message);
}

int print_map(void *, const struct fovea_cam *cam, fovea_error *)
{
    const float *end = cam->pixels + cam->height * cam->width, *strongest = std::max_element(cam->pixels, end);
    std::cout << "cam: class " << cam->class_index << ", strongest at y " << (strongest - cam->pixels) / cam->width
              << ", x " << (strongest - cam->pixels) % cam->width << '\n';
    return 0;
}

void work(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    fovea_error error{};
    const fovea_options options = fovea_options_default();
    const auto context = owned(fovea_open(&options, &error), error);
    const auto model = owned(fovea_model_load_memory(context.get(), bytes.data(), bytes.size(), path, &error), error);

    const std::int64_t height = 60, width = 80;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * height * width));
    for (std::size_t i = 0; i < pixels.size(); i++)
        pixels[i] = static_cast<std::uint8_t>(i / 7);
    fovea_image picture{};
    picture.pixels = pixels.data();
    picture.height = height;
    picture.width = width;
    fovea_feed feed{};
    feed.images = &picture;
    feed.image_count = 1;
    fovea_preprocess preprocess = fovea_preprocess_default();
    preprocess.preset = fovea_model_metadata(model.get(), "fovea.preprocess") ? nullptr : "imagenet";

    fovea_session_options running = fovea_session_options_default();
    running.feeds = &feed;
    running.feed_count = 1;
    running.preprocess = &preprocess;
    const auto session = owned(fovea_session_open(model.get(), &running, &error), error);
    if (fovea_session_run(session.get(), &error))
        throw std::runtime_error(error.message);
    const fovea_tensor output = fovea_session_output(session.get(), 0);
    std::cout << "run: " << output.bytes << " bytes of " << output.type << '\n';

    fovea_cam_options looking = fovea_cam_options_default();
    looking.samples.feeds = &feed;
    looking.samples.feed_count = 1;
    looking.samples.preprocess = &preprocess;
    if (fovea_cam(model.get(), &looking, print_map, nullptr, &error))
        throw std::runtime_error(error.message);
}

} // namespace

int main(int argc, char **argv)
{
    try {
        if (argc != 2)
            throw std::runtime_error("usage: camera MODEL.onnx");
        work(argv[1]);
    } catch (const std::exception &failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
    return 0;
}
