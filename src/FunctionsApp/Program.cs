using FunctionsApp;
using FunctionsApp.Hosting;
using FunctionsApp.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Configuration[EngineSetting.Name] ??= DurableExtension.DefaultEngine(builder.Configuration);
builder.Services.AddFunctionsApp(builder.Configuration);
builder.Services.AddFunctionsHost(builder.Configuration, builder.Environment.ContentRootPath);
builder.Services.AddFunctionsTelemetry(builder.Configuration, static telemetry => telemetry.UseFunctionsWorkerDefaults());
builder.Build().Run();
