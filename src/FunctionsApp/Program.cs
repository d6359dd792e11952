using FunctionsApp.Core;
using FunctionsApp.Http;
using FunctionsApp.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddFunctionsApp(builder.Configuration);
builder.Services.AddFunctionsHttp();
builder.Services.AddFunctionsTelemetry(builder.Configuration);
builder.Build().Run();
